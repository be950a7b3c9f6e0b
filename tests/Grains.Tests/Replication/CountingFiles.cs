using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Replication;

/// <summary>A disk that counts the flushes which many files share.</summary>
internal sealed class CountingFiles(IFileSystem files) : IFileSystem
{
    /// <summary>How many files each shared flush had.</summary>
    public List<int> Together { get; } = [];

    public IFile Open(string path, FileOpen mode) => files.Open(path, mode);

    public bool FileExists(string path) => files.FileExists(path);

    public bool DirectoryExists(string path) => files.DirectoryExists(path);

    public IReadOnlyList<FileEntry> List(string directory) => files.List(directory);

    public void CreateDirectory(string path) => files.CreateDirectory(path);

    public void DeleteFile(string path) => files.DeleteFile(path);

    public void DeleteDirectory(string path) => files.DeleteDirectory(path);

    public void RenameFile(string from, string to) => files.RenameFile(from, to);

    public void RenameDirectory(string from, string to) => files.RenameDirectory(from, to);

    public void FlushDirectory(string directory) => files.FlushDirectory(directory);

    public bool TryFlushAll(string directory) => files.TryFlushAll(directory);

    public IDisposable? TryLock(string path) => files.TryLock(path);

    public void FlushTogether(IReadOnlyList<IFile> together, IOException?[] failures)
    {
        Together.Add(together.Count);
        files.FlushTogether(together, failures);
    }
}
