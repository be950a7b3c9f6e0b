namespace Orleans.Kafka.Storage.Tests;

/// <summary>Another disk as it is: for tests that want one thing of it different.</summary>
internal abstract class DelegatingFileSystem(IFileSystem inner) : IFileSystem
{
    public virtual IFile Open(string path, FileOpen mode) => inner.Open(path, mode);

    public bool FileExists(string path) => inner.FileExists(path);

    public bool DirectoryExists(string path) => inner.DirectoryExists(path);

    public IReadOnlyList<FileEntry> List(string directory) => inner.List(directory);

    public void CreateDirectory(string path) => inner.CreateDirectory(path);

    public virtual void DeleteFile(string path) => inner.DeleteFile(path);

    public virtual void DeleteDirectory(string path) => inner.DeleteDirectory(path);

    public virtual void RenameFile(string from, string to) => inner.RenameFile(from, to);

    public virtual void RenameDirectory(string from, string to) => inner.RenameDirectory(from, to);

    public virtual void FlushDirectory(string directory) => inner.FlushDirectory(directory);

    public virtual bool TryFlushAll(string directory) => inner.TryFlushAll(directory);

    public IDisposable? TryLock(string path) => inner.TryLock(path);
}
