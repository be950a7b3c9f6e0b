using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Storage;

internal sealed class SimulatedFile(SimulatedFileSystem disk, string path, SimulatedContent content) : IFile
{
    private readonly int _process = disk.Process;
    private bool _disposed;

    public string Path { get; } = path;

    public SafeFileHandle? Handle => null;

    public long Length
    {
        get
        {
            lock (disk.Gate)
            {
                return content.Length;
            }
        }
    }

    public int Read(Span<byte> target, long position)
    {
        CheckUsable();
        disk.BeforeRead?.Invoke(Path, position, target.Length);
        lock (disk.Gate)
        {
            var read = content.Read(target, position);
            disk.CountRead(read);
            return read;
        }
    }

    public void Write(ReadOnlySpan<byte> bytes, long position)
    {
        CheckUsable();
        disk.BeforeWrite?.Invoke(Path, position, bytes.Length);
        lock (disk.Gate)
        {
            position = disk.TakeMisdirection(position);
            var room = disk.Room(bytes.Length, position + bytes.Length - content.Length);
            content.Write(bytes[..(room < 0 ? ~room : room)], position);
            if (room < 0)
            {
                throw new IOException($"No space left on device: {Path}");
            }
        }
    }

    public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position)
    {
        var whole = new byte[pieces.Sum(p => p.Length)];
        var at = 0;
        foreach (var piece in pieces)
        {
            piece.Span.CopyTo(whole.AsSpan(at));
            at += piece.Length;
        }

        Write(whole, position);
    }

    public void Flush()
    {
        CheckUsable();
        disk.BeforeFlush?.Invoke(Path);
        lock (disk.Gate)
        {
            if (disk.TakeLostFlush())
            {
                content.ForgetDirtyPages();
                throw new IOException($"Input/output error: {Path}");
            }

            content.Flush();
        }
    }

    public void SetLength(long length)
    {
        CheckUsable();
        lock (disk.Gate)
        {
            content.SetLength(length);
        }
    }

    public void Dispose() => _disposed = true;

    private void CheckUsable()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_process != disk.Process)
        {
            throw new IOException($"{Path} was opened by a process that is dead");
        }
    }
}

/// <summary>Bytes of a file, and the pages of it that a power cut may take.</summary>
internal sealed class SimulatedContent
{
    private const int PageSize = 512;

    private readonly SortedSet<long> _dirtyPages = [];
    private byte[] _bytes = [];
    private byte[] _flushed = [];
    private int _flushedLength;

    public int Length { get; private set; }

    public int Read(Span<byte> target, long position)
    {
        if (position >= Length)
        {
            return 0;
        }

        var count = (int)Math.Min(target.Length, Length - position);
        _bytes.AsSpan((int)position, count).CopyTo(target);
        return count;
    }

    public void Write(ReadOnlySpan<byte> bytes, long position)
    {
        var end = checked((int)(position + bytes.Length));
        Grow(end);
        bytes.CopyTo(_bytes.AsSpan((int)position));
        Length = Math.Max(Length, end);
        MarkDirty(position, end);
    }

    public void SetLength(long length)
    {
        var target = checked((int)length);
        Grow(target);
        if (target < Length)
        {
            _bytes.AsSpan(target, Length - target).Clear();
        }

        MarkDirty(Math.Min(target, Length), Math.Max(target, Length));
        Length = target;
    }

    public void Flush()
    {
        if (_flushed.Length < Length)
        {
            Array.Resize(ref _flushed, _bytes.Length);
        }

        foreach (var page in _dirtyPages)
        {
            var at = (int)(page * PageSize);
            if (at < Length)
            {
                var count = Math.Min(PageSize, Length - at);
                _bytes.AsSpan(at, count).CopyTo(_flushed.AsSpan(at));
            }
        }

        _flushed.AsSpan(Length).Clear();
        _flushedLength = Length;
        _dirtyPages.Clear();
    }

    /// <summary>The system takes the pages for written, and they are not.</summary>
    public void ForgetDirtyPages() => _dirtyPages.Clear();

    public void FlipBit(long position, int bit)
    {
        _bytes[position] ^= (byte)(1 << bit);
        if (position < _flushedLength)
        {
            _flushed[position] ^= (byte)(1 << bit);
        }
    }

    /// <summary>Flushed bytes, each later page there or not; the length anything between.</summary>
    public SimulatedContent AfterPowerLoss(Random random)
    {
        var length = _dirtyPages.Count == 0 || random.Next(3) == 0
            ? _flushedLength
            : random.Next(Math.Min(_flushedLength, Length), Math.Max(_flushedLength, Length) + 1);
        var bytes = new byte[length];
        _flushed.AsSpan(0, Math.Min(length, _flushedLength)).CopyTo(bytes);
        foreach (var page in _dirtyPages)
        {
            var at = (int)(page * PageSize);
            var count = Math.Min(PageSize, Math.Min(length, Length) - at);
            if (count > 0 && random.Next(2) == 0)
            {
                _bytes.AsSpan(at, count).CopyTo(bytes.AsSpan(at));
            }
        }

        return new SimulatedContent
        {
            _bytes = bytes,
            Length = length,
            _flushed = (byte[])bytes.Clone(),
            _flushedLength = length,
        };
    }

    private void Grow(int length)
    {
        if (_bytes.Length < length)
        {
            Array.Resize(ref _bytes, Math.Max(length, Math.Min(_bytes.Length * 2, 1 << 30)));
        }
    }

    private void MarkDirty(long from, long to)
    {
        for (var page = from / PageSize; page <= (to - 1) / PageSize && to > 0; page++)
        {
            _dirtyPages.Add(page);
        }
    }
}
