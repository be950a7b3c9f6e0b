using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Storage.Tests.Compaction;

/// <summary>A disk whose process or machine dies before an operation that is told by number or by name.</summary>
internal sealed class DyingFileSystem(SimulatedFileSystem disk) : IFileSystem
{
    private int _operations;

    /// <summary>Dies before the so-manieth change from now on.</summary>
    public int DieBefore
    {
        get;
        set
        {
            field = value;
            _operations = 0;
        }
    }

    /// <summary>Dies behind the change that brings a file with such an ending into being, and a flush of its name.</summary>
    public string? DieAtName { get; set; }

    /// <summary>The power goes, not only the process.</summary>
    public bool PowerLoss { get; set; }

    public bool IsDead { get; private set; }

    public IFile Open(string path, FileOpen mode)
    {
        if (mode is FileOpen.CreateOrOpen or FileOpen.CreateEmpty)
        {
            Change();
        }

        return new DyingFile(this, Alive(() => disk.Open(path, mode)));
    }

    public bool FileExists(string path) => Alive(() => disk.FileExists(path));

    public bool DirectoryExists(string path) => Alive(() => disk.DirectoryExists(path));

    public IReadOnlyList<FileEntry> List(string directory) => Alive(() => disk.List(directory));

    public void CreateDirectory(string path) => Alive(() => disk.CreateDirectory(path));

    public void DeleteFile(string path)
    {
        Change();
        disk.DeleteFile(path);
    }

    public void DeleteDirectory(string path)
    {
        Change();
        disk.DeleteDirectory(path);
    }

    public void RenameFile(string from, string to)
    {
        Change();
        disk.RenameFile(from, to);
        if (DieAtName is not null && to.EndsWith(DieAtName, StringComparison.Ordinal))
        {
            disk.FlushDirectory(Path.GetDirectoryName(to)!);
            Die();
        }
    }

    public void RenameDirectory(string from, string to)
    {
        Change();
        disk.RenameDirectory(from, to);
    }

    public void FlushDirectory(string directory)
    {
        Change();
        disk.FlushDirectory(directory);
    }

    public bool TryFlushAll(string directory)
    {
        Change();
        return disk.TryFlushAll(directory);
    }

    public IDisposable? TryLock(string path) => Alive(() => disk.TryLock(path));

    private void Change()
    {
        ThrowIfDead();
        if (DieBefore > 0 && ++_operations == DieBefore)
        {
            Die();
        }
    }

    private void Die()
    {
        IsDead = true;
        if (PowerLoss)
        {
            disk.Crash();
        }
        else
        {
            disk.Kill();
        }

        ThrowIfDead();
    }

    /// <summary>Dies here and now.</summary>
    public void DieNow()
    {
        try
        {
            Die();
        }
        catch (IOException)
        {
            // That it is dead.
        }
    }

    private void ThrowIfDead()
    {
        if (IsDead)
        {
            throw new IOException("dead");
        }
    }

    private void Alive(Action action)
    {
        ThrowIfDead();
        action();
    }

    private T Alive<T>(Func<T> action)
    {
        ThrowIfDead();
        return action();
    }

    private sealed class DyingFile(DyingFileSystem owner, IFile file) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public SafeFileHandle? Handle => null;

        public int Read(Span<byte> target, long position) => file.Read(target, position);

        public void Write(ReadOnlySpan<byte> bytes, long position)
        {
            owner.Change();
            file.Write(bytes, position);
        }

        public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position)
        {
            owner.Change();
            file.Write(pieces, position);
        }

        public void Flush()
        {
            owner.Change();
            file.Flush();
        }

        public void SetLength(long length)
        {
            owner.Change();
            file.SetLength(length);
        }

        public void Dispose() => file.Dispose();
    }
}
