namespace Orleans.Kafka.Storage;

/// <summary>
/// A file of a segment: opened on first use, closed when the <see cref="OpenFileCache"/> wants the handle back, and
/// removed only when no reader holds it. Thread-safe.
/// </summary>
internal sealed class SegmentFile
{
    private const int Closed = -1;
    private const int Retired = -2;

    private readonly LogEnvironment _environment;
    private readonly string _directory;
    private readonly long _baseOffset;
    private volatile string _suffix;
    private IFile? _file;

    // Pins while open (0 and up), or one of the constants.
    private int _state = Closed;
    private bool _used;
    private Action? _whenIdle;
    private bool _isLeaving;

    internal SegmentFile(LogEnvironment environment, string directory, long baseOffset, string suffix)
    {
        _environment = environment;
        _directory = directory;
        _baseOffset = baseOffset;
        _suffix = suffix;
    }

    /// <summary>Where it lies. Put together when asked for: idle partitions are many, and paths are long.</summary>
    public string Path => LogFileName.PathOf(_directory, _baseOffset, _suffix);

    /// <summary>The file may be made when it is opened; else a missing file is an error.</summary>
    public bool MayCreate { get; set; }

    /// <summary>The files behind and in front of it in the ring of the <see cref="OpenFileCache"/>, whose they are.</summary>
    internal SegmentFile? Next { get; set; }

    /// <summary>See <see cref="Next"/>.</summary>
    internal SegmentFile? Previous { get; set; }

    /// <summary>What was made of the contents, for as long as the file is open. To be set with the file pinned.</summary>
    internal object? Cache { get; set; }

    /// <summary>
    /// Opens the file if need be and pins it: it is neither closed nor removed before <see cref="Unpin"/>.
    /// </summary>
    /// <returns>Null if it is being removed.</returns>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public IFile? Pin()
    {
        while (true)
        {
            var state = Volatile.Read(ref _state);
            if (state < 0)
            {
                return PinClosed();
            }

            if (Interlocked.CompareExchange(ref _state, state + 1, state) == state)
            {
                _used = true;
                return _file;
            }
        }
    }

    /// <summary>Ends a <see cref="Pin"/>.</summary>
    /// <exception cref="InvalidOperationException">Nobody had it pinned: somebody has let go of it twice.</exception>
    public void Unpin()
    {
        var left = Interlocked.Decrement(ref _state);
        if (left < 0)
        {
            throw new InvalidOperationException($"{Path} was let go of more often than it was taken");
        }

        if (left == 0 && Volatile.Read(ref _whenIdle) is not null)
        {
            TryRetire();
        }
    }

    /// <summary>Closes the file unless somebody uses it, or has used it since this was last asked.</summary>
    /// <returns>True if it was open and is not any more.</returns>
    internal bool CloseIfIdle()
    {
        // Who asks may be opening a file itself, and hold that one's lock: it must not wait for another.
        if (!Monitor.TryEnter(this))
        {
            return false;
        }

        try
        {
            if (_state < 0)
            {
                return false;
            }

            if (_used || Interlocked.CompareExchange(ref _state, Closed, 0) != 0)
            {
                _used = false;
                return false;
            }

            CloseFile();
            return true;
        }
        finally
        {
            Monitor.Exit(this);
        }
    }

    /// <summary>The file is not opened any more; who has it pinned keeps it. It may be renamed now.</summary>
    internal void Leave()
    {
        lock (this)
        {
            _isLeaving = true;
        }
    }

    /// <summary>
    /// Gives the file another name, open or not. Who has it pinned keeps it, who opens it later finds it.
    /// </summary>
    /// <param name="suffix">What the name ends in from now on.</param>
    /// <param name="hasFile">False if there is no file yet: one that is made later gets the name.</param>
    internal void Rename(string suffix, bool hasFile = true)
    {
        lock (this)
        {
            if (hasFile)
            {
                _environment.Files.RenameFile(Path, LogFileName.PathOf(_directory, _baseOffset, suffix));
            }

            _suffix = suffix;
        }
    }

    /// <summary>Closes the file and runs <paramref name="then"/> as soon as nobody has it pinned. Final.</summary>
    internal void Retire(Action then)
    {
        Volatile.Write(ref _whenIdle, then);
        TryRetire();
    }

    private IFile? PinClosed()
    {
        lock (this)
        {
            if (_state == Retired || (_state == Closed && _isLeaving))
            {
                return null;
            }

            if (_state == Closed)
            {
                _file = OpenFile();
                _used = true;
                MayCreate = false;
                Volatile.Write(ref _state, 1);
            }
            else
            {
                Interlocked.Increment(ref _state);
                return _file;
            }
        }

        _environment.OpenFiles.Add(this);
        return _file;
    }

    private IFile OpenFile()
    {
        var mode = MayCreate ? FileOpen.CreateOrOpen : FileOpen.ReadWrite;
        try
        {
            return _environment.Files.Open(Path, mode);
        }
        catch (IOException e) when (e.IsOutOfHandles())
        {
            // Others in this process, or on this machine, have taken more than was reckoned with.
            _environment.OpenFiles.MakeRoom();
            return _environment.Files.Open(Path, mode);
        }
    }

    private void TryRetire()
    {
        Action? then;
        lock (this)
        {
            if (_state == Retired)
            {
                return;
            }

            if (_state == Closed)
            {
                _state = Retired;
            }
            else if (Interlocked.CompareExchange(ref _state, Retired, 0) == 0)
            {
                CloseFile();
            }
            else
            {
                return;
            }

            then = _whenIdle;
            _whenIdle = null;
        }

        then?.Invoke();
    }

    private void CloseFile()
    {
        _file?.Dispose();
        _file = null;
        Cache = null;
        _environment.OpenFiles.Remove(this);
    }
}
