using Microsoft.Win32.SafeHandles;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Simulation.Tests;

/// <summary>A disk that says it has flushed and has not: what a log that left a flush out would do to its records.</summary>
internal sealed class ForgetfulFileSystem(IFileSystem files, Func<string, bool> forgets) : IFileSystem
{
    public IFile Open(string path, FileOpen mode) => new ForgetfulFile(files.Open(path, mode), forgets(path));

    public bool FileExists(string path) => files.FileExists(path);

    public bool DirectoryExists(string path) => files.DirectoryExists(path);

    public IReadOnlyList<FileEntry> List(string directory) => files.List(directory);

    public void CreateDirectory(string path) => files.CreateDirectory(path);

    public void DeleteFile(string path) => files.DeleteFile(path);

    public void DeleteDirectory(string path) => files.DeleteDirectory(path);

    public void RenameFile(string from, string to) => files.RenameFile(from, to);

    public void RenameDirectory(string from, string to) => files.RenameDirectory(from, to);

    public void FlushDirectory(string directory)
    {
        if (!forgets(directory + "/"))
        {
            files.FlushDirectory(directory);
        }
    }

    // Whatever is forgotten one by one would be flushed here.
    public bool TryFlushAll(string directory) => false;

    public IDisposable? TryLock(string path) => files.TryLock(path);

    private sealed class ForgetfulFile(IFile file, bool isForgotten) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public SafeFileHandle? Handle => file.Handle;

        public int Read(Span<byte> target, long position) => file.Read(target, position);

        public void Write(ReadOnlySpan<byte> bytes, long position) => file.Write(bytes, position);

        public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position) => file.Write(pieces, position);

        public void Flush()
        {
            if (!isForgotten)
            {
                file.Flush();
            }
        }

        public void SetLength(long length) => file.SetLength(length);

        public void Dispose() => file.Dispose();
    }
}
