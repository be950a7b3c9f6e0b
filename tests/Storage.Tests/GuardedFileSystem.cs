using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>
/// Notices who uses a file that is closed, closes one that is in use, or removes or replaces one that is open. Counts what is open.
/// </summary>
internal sealed class GuardedFileSystem(IFileSystem inner) : DelegatingFileSystem(inner)
{
    private readonly Lock _gate = new();
    private readonly HashSet<GuardedFile> _open = [];

    public ConcurrentQueue<string> Violations { get; } = new();

    public int OpenCount
    {
        get
        {
            lock (_gate)
            {
                return _open.Count;
            }
        }
    }

    public int Most { get; private set; }

    public int Opened { get; private set; }

    /// <summary>So many openings, from now on, fail as they do in a process that has no handle left.</summary>
    public int OpeningsToFail { get; set; }

    public override IFile Open(string path, FileOpen mode)
    {
        lock (_gate)
        {
            if (OpeningsToFail > 0)
            {
                OpeningsToFail--;
                throw new IOException("Too many open files", 24);
            }

            var file = new GuardedFile(this, base.Open(path, mode)) { CurrentPath = path };
            _open.Add(file);
            Most = Math.Max(Most, _open.Count);
            Opened++;
            return file;
        }
    }

    public override void DeleteFile(string path)
    {
        lock (_gate)
        {
            CheckNoneOpen(path);
            base.DeleteFile(path);
        }
    }

    public override void DeleteDirectory(string path)
    {
        lock (_gate)
        {
            CheckNoneOpen(path);
            base.DeleteDirectory(path);
        }
    }

    public override void RenameFile(string from, string to)
    {
        lock (_gate)
        {
            CheckNoneOpen(to);
            base.RenameFile(from, to);
            Moved(from, to);
        }
    }

    public override void RenameDirectory(string from, string to)
    {
        lock (_gate)
        {
            base.RenameDirectory(from, to);
            Moved(from, to);
        }
    }

    private static bool IsAtOrUnder(string path, string directory) =>
        path == directory || path.StartsWith(directory + "/", StringComparison.Ordinal);

    private void CheckNoneOpen(string path)
    {
        foreach (var file in _open.Where(f => IsAtOrUnder(f.CurrentPath, path)))
        {
            Violations.Enqueue($"{file.CurrentPath} was removed or replaced while it was open");
        }
    }

    private void Moved(string from, string to)
    {
        foreach (var file in _open.Where(f => IsAtOrUnder(f.CurrentPath, from)))
        {
            file.CurrentPath = to + file.CurrentPath[from.Length..];
        }
    }

    private void Closed(GuardedFile file)
    {
        lock (_gate)
        {
            if (!_open.Remove(file))
            {
                Violations.Enqueue($"{file.CurrentPath} was closed twice");
            }
        }
    }

    private sealed class GuardedFile(GuardedFileSystem owner, IFile file) : IFile
    {
        private int _users;
        private volatile bool _isClosed;

        public required string CurrentPath { get; set; }

        public string Path => file.Path;

        public long Length => Use(() => file.Length);

        public SafeFileHandle? Handle => file.Handle;

        public int Read(Span<byte> target, long position)
        {
            Begin();
            try
            {
                return file.Read(target, position);
            }
            finally
            {
                End();
            }
        }

        public void Write(ReadOnlySpan<byte> bytes, long position)
        {
            Begin();
            try
            {
                file.Write(bytes, position);
            }
            finally
            {
                End();
            }
        }

        public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position) => Use(() =>
        {
            file.Write(pieces, position);
            return 0;
        });

        public void Flush() => Use(() =>
        {
            file.Flush();
            return 0;
        });

        public void SetLength(long length) => Use(() =>
        {
            file.SetLength(length);
            return 0;
        });

        public void Dispose()
        {
            _isClosed = true;
            if (Volatile.Read(ref _users) > 0)
            {
                owner.Violations.Enqueue($"{CurrentPath} was closed while it was in use");
            }

            owner.Closed(this);
            file.Dispose();
        }

        private T Use<T>(Func<T> action)
        {
            Begin();
            try
            {
                return action();
            }
            finally
            {
                End();
            }
        }

        private void Begin()
        {
            Interlocked.Increment(ref _users);
            if (_isClosed)
            {
                owner.Violations.Enqueue($"{CurrentPath} was used after it was closed");
            }

            // Whoever closes files has a chance to do it now.
            Thread.Yield();
        }

        private void End() => Interlocked.Decrement(ref _users);
    }
}
