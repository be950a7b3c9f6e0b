using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>Counts the files that are open at once, and the most there ever were.</summary>
internal sealed class CountingFileSystem(IFileSystem inner) : IFileSystem
{
    private int _open;

    public int Open => _open;

    public int Most { get; private set; }

    public int Opened { get; private set; }

    IFile IFileSystem.Open(string path, FileOpen mode)
    {
        var file = inner.Open(path, mode);
        Most = Math.Max(Most, ++_open);
        Opened++;
        return new CountedFile(this, file);
    }

    public bool FileExists(string path) => inner.FileExists(path);

    public bool DirectoryExists(string path) => inner.DirectoryExists(path);

    public IReadOnlyList<FileEntry> List(string directory) => inner.List(directory);

    public void CreateDirectory(string path) => inner.CreateDirectory(path);

    public void DeleteFile(string path) => inner.DeleteFile(path);

    public void DeleteDirectory(string path) => inner.DeleteDirectory(path);

    public void RenameFile(string from, string to) => inner.RenameFile(from, to);

    public void RenameDirectory(string from, string to) => inner.RenameDirectory(from, to);

    public void FlushDirectory(string directory) => inner.FlushDirectory(directory);

    public bool TryFlushAll(string directory) => inner.TryFlushAll(directory);

    public IDisposable? TryLock(string path) => inner.TryLock(path);

    private sealed class CountedFile(CountingFileSystem owner, IFile file) : IFile
    {
        private bool _isDisposed;

        public string Path => file.Path;

        public long Length => file.Length;

        public SafeFileHandle? Handle => file.Handle;

        public int Read(Span<byte> target, long position) => file.Read(target, position);

        public void Write(ReadOnlySpan<byte> bytes, long position) => file.Write(bytes, position);

        public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position) => file.Write(pieces, position);

        public void Flush() => file.Flush();

        public void SetLength(long length) => file.SetLength(length);

        public void Dispose()
        {
            if (!_isDisposed)
            {
                _isDisposed = true;
                owner._open--;
                file.Dispose();
            }
        }
    }
}
