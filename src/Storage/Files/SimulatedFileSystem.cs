namespace Orleans.Kafka.Storage;

/// <summary>
/// A disk in memory. It keeps, beside what readers see, what would survive a power cut; <see cref="Crash"/> goes
/// back to that, with a seeded mixture of unflushed pages and names. It can fail or tear writes on demand.
/// Thread-safe.
/// </summary>
public sealed partial class SimulatedFileSystem : IFileSystem
{
    private readonly Lock _gate = new();
    private readonly Random _random;
    private readonly HashSet<string> _locks = [];
    private Dictionary<string, SimulatedContent> _files = [];
    private HashSet<string> _directories = ["/"];
    private Dictionary<string, SimulatedContent> _durableFiles = [];
    private HashSet<string> _durableDirectories = ["/"];

    /// <summary>An empty disk whose accidents follow from <paramref name="seed"/>.</summary>
    public SimulatedFileSystem(int seed) => _random = new Random(seed);

    /// <summary>Called before each write with path, position and length; what it throws, the write throws.</summary>
    public Action<string, long, int>? BeforeWrite { get; set; }

    /// <summary>Called before each flush with the path; what it throws, the flush throws.</summary>
    public Action<string>? BeforeFlush { get; set; }

    /// <summary>Called before each read with path, position and length; what it throws, the read throws.</summary>
    public Action<string, long, int>? BeforeRead { get; set; }

    /// <summary>If not negative: the next write writes only so many bytes, then fails.</summary>
    public int TearNextWriteAt { get; set; } = -1;

    /// <summary>If not negative: the next write goes to that position of its file instead of its own, and succeeds.</summary>
    public long MisdirectNextWriteTo { get; set; } = -1;

    /// <summary>
    /// The next flush fails, and as on Linux the pages count as written afterwards: no later flush brings them to disk.
    /// </summary>
    public bool LoseNextFlush { get; set; }

    /// <summary>Bytes that all files may have together: a write beyond it comes as far as there is room, then fails.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>Bytes that all files have together.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_gate)
            {
                return _files.Values.Sum(static f => (long)f.Length);
            }
        }
    }

    /// <summary>Bytes read since the start.</summary>
    public long BytesRead { get; private set; }

    internal Lock Gate => _gate;

    /// <summary>Which process uses the disk: files that an earlier one opened are dead.</summary>
    internal int Process { get; private set; }

    /// <inheritdoc/>
    public IFile Open(string path, FileOpen mode)
    {
        path = Normal(path);
        lock (_gate)
        {
            if (!_files.TryGetValue(path, out var content))
            {
                if (mode is FileOpen.Read or FileOpen.ReadWrite)
                {
                    throw new FileNotFoundException("No such file", path);
                }

                if (!_directories.Contains(Parent(path)))
                {
                    throw new DirectoryNotFoundException(path);
                }

                _files[path] = content = new SimulatedContent();
            }
            else if (mode == FileOpen.CreateEmpty)
            {
                content.SetLength(0);
            }

            return new SimulatedFile(this, path, content);
        }
    }

    /// <inheritdoc/>
    public bool FileExists(string path)
    {
        lock (_gate)
        {
            return _files.ContainsKey(Normal(path));
        }
    }

    /// <inheritdoc/>
    public bool DirectoryExists(string path)
    {
        lock (_gate)
        {
            return _directories.Contains(Normal(path));
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileEntry> List(string directory)
    {
        directory = Normal(directory);
        lock (_gate)
        {
            if (!_directories.Contains(directory))
            {
                throw new DirectoryNotFoundException(directory);
            }

            return
            [
                .. _files.Where(f => Parent(f.Key) == directory)
                    .Select(f => new FileEntry(Path.GetFileName(f.Key), f.Value.Length, false)),
                .. _directories.Where(d => d != "/" && Parent(d) == directory)
                    .Select(d => new FileEntry(Path.GetFileName(d), 0, true)),
            ];
        }
    }

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        lock (_gate)
        {
            for (var at = Normal(path); _directories.Add(at); at = Parent(at))
            {
            }
        }
    }

    /// <inheritdoc/>
    public void DeleteFile(string path)
    {
        lock (_gate)
        {
            _files.Remove(Normal(path));
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        path = Normal(path);
        lock (_gate)
        {
            Remove(_files, path);
            _directories.RemoveWhere(d => d == path || IsUnder(d, path));
        }
    }

    /// <inheritdoc/>
    public void RenameFile(string from, string to)
    {
        lock (_gate)
        {
            if (!_files.Remove(Normal(from), out var content))
            {
                throw new FileNotFoundException("No such file", from);
            }

            _files[Normal(to)] = content;
        }
    }

    /// <inheritdoc/>
    public void RenameDirectory(string from, string to)
    {
        (from, to) = (Normal(from), Normal(to));
        lock (_gate)
        {
            if (!_directories.Contains(from) || _directories.Contains(to))
            {
                throw new IOException($"Cannot rename {from} to {to}");
            }

            // Kept simple: the renaming of a directory is durable at once.
            _files = _files.ToDictionary(f => Moved(f.Key, from, to), f => f.Value);
            _directories = [.. _directories.Select(d => Moved(d, from, to))];
            _durableFiles = _durableFiles.ToDictionary(f => Moved(f.Key, from, to), f => f.Value);
            _durableDirectories = [.. _durableDirectories.Select(d => Moved(d, from, to))];
        }
    }

    /// <inheritdoc/>
    public void FlushDirectory(string directory)
    {
        directory = Normal(directory);
        lock (_gate)
        {
            MakeNamesDurable(directory);
        }
    }

    /// <inheritdoc/>
    public bool TryFlushAll(string directory)
    {
        directory = Normal(directory);
        BeforeFlush?.Invoke(directory);
        lock (_gate)
        {
            var isLost = TakeLostFlush();
            foreach (var (path, content) in _files)
            {
                if (!IsUnder(path, directory))
                {
                    continue;
                }

                if (isLost)
                {
                    content.ForgetDirtyPages();
                }
                else
                {
                    content.Flush();
                }
            }

            if (isLost)
            {
                throw new IOException($"Input/output error: {directory}");
            }

            foreach (var path in _directories.Where(d => d == directory || IsUnder(d, directory)).Order().ToList())
            {
                MakeNamesDurable(path);
            }

            return true;
        }
    }

    /// <inheritdoc/>
    public IDisposable? TryLock(string path)
    {
        path = Normal(path);
        lock (_gate)
        {
            return _locks.Add(path) ? new HeldLock(this, path) : null;
        }
    }

    internal void CountRead(int bytes) => BytesRead += bytes;

    /// <summary>How many of so many bytes can be written; the write fails behind them if the answer is negative (~n).</summary>
    internal int Room(int bytes, long grownBy)
    {
        if (TearNextWriteAt >= 0)
        {
            var tear = TearNextWriteAt;
            TearNextWriteAt = -1;
            return ~Math.Min(tear, bytes);
        }

        var missing = CapacityBytes == long.MaxValue || grownBy <= 0 ? 0 : UsedBytes + grownBy - CapacityBytes;
        return missing <= 0 ? bytes : ~(int)Math.Max(0, bytes - missing);
    }

    internal long TakeMisdirection(long position)
    {
        var target = MisdirectNextWriteTo;
        MisdirectNextWriteTo = -1;
        return target >= 0 ? target : position;
    }

    internal bool TakeLostFlush()
    {
        var isLost = LoseNextFlush;
        LoseNextFlush = false;
        return isLost;
    }

    private static string Normal(string path) => path.Length > 1 ? path.TrimEnd('/') : path;

    private static string Parent(string path) => Path.GetDirectoryName(path) ?? "/";

    private static bool IsUnder(string path, string directory) =>
        path.Length > directory.Length && path.StartsWith(directory, StringComparison.Ordinal)
        && path[directory.Length] == '/';

    private static string Moved(string path, string from, string to) =>
        path == from || IsUnder(path, from) ? to + path[from.Length..] : path;

    private static void Remove(Dictionary<string, SimulatedContent> files, string directory)
    {
        foreach (var path in files.Keys.Where(f => IsUnder(f, directory)).ToList())
        {
            files.Remove(path);
        }
    }

    private sealed class HeldLock(SimulatedFileSystem owner, string path) : IDisposable
    {
        public void Dispose()
        {
            lock (owner._gate)
            {
                owner._locks.Remove(path);
            }
        }
    }
}
