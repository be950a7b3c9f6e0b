using System.Buffers;
using System.Buffers.Binary;

namespace Orleans.Kafka.Storage;

/// <summary>An entry of an index: keys never go down.</summary>
internal readonly record struct IndexEntry(long Key, int Value);

/// <summary>
/// What offset and time index have in common: sorted entries of fixed size, the older ones in the file, the newest
/// in memory until they are worth a write. The file is only a short cut: it carries no checksum, an entry is
/// believed only as far as the log at its place agrees, and it can be made anew at any time.
/// One writer; readers take no lock.
/// </summary>
internal abstract partial class SparseIndex
{
    private const int MostInMemory = 4096;

    private readonly SegmentFile _file;
    private readonly int _entrySize;
    private volatile State _state;

    private bool _isUnflushed;

    // Bytes behind the last entry that have to go: Kafka's preallocation, or entries that were dropped.
    private bool _hasTail;

    protected SparseIndex(SegmentFile file, int entrySize, int fileEntries)
    {
        _file = file;
        _entrySize = entrySize;
        _state = new State(fileEntries, [], 0);
    }

    /// <summary>The newest entry; meaningless while <see cref="Count"/> is 0.</summary>
    public IndexEntry Last
    {
        get
        {
            var state = _state;
            var count = Volatile.Read(ref state.Count);
            return count > 0 ? state.Entries[count - 1] : state.FileCount > 0 ? ReadEntry(state.FileCount - 1) : default;
        }
    }

    public int Count
    {
        get
        {
            var state = _state;
            return state.FileCount + Volatile.Read(ref state.Count);
        }
    }

    public string Path => _file.Path;

    public bool IsUnflushed => _isUnflushed;

    public SegmentFile File => _file;

    /// <summary>How many entries a file of that length holds: Kafka preallocates, with zeros behind the last.</summary>
    public static int CountEntries(IFile file, int entrySize)
    {
        var (low, high) = (0, (int)Math.Min(int.MaxValue, file.Length / entrySize));
        Span<byte> entry = stackalloc byte[entrySize];
        while (low < high)
        {
            // Only the very first entry may be all zeros by right; there is never one like it behind.
            var middle = low + ((high - low) / 2);
            file.Read(entry, (long)middle * entrySize);
            if (entry.ContainsAnyExcept((byte)0))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    public void Append(IndexEntry entry)
    {
        var state = _state;
        var count = state.Count;
        if (count == MostInMemory)
        {
            Persist();
            state = _state;
            count = 0;
        }

        if (count == state.Entries.Length)
        {
            var grown = new IndexEntry[Math.Max(4, count * 2)];
            state.Entries.AsSpan(0, count).CopyTo(grown);
            state = new State(state.FileCount, grown, count);
            _state = state;
        }

        state.Entries[count] = entry;
        Volatile.Write(ref state.Count, count + 1);
    }

    /// <summary>Writes what is only in memory to the file. Not flushed: the file can be made anew.</summary>
    public void Persist()
    {
        var state = _state;
        if (state.Count == 0)
        {
            return;
        }

        var size = state.Count * _entrySize;
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        for (var i = 0; i < state.Count; i++)
        {
            Encode(state.Entries[i], buffer.AsSpan(i * _entrySize));
        }

        var file = _file.Pin() ?? throw new IOException($"{_file.Path} is being removed");
        try
        {
            file.Write(buffer.AsSpan(0, size), (long)state.FileCount * _entrySize);
        }
        finally
        {
            _file.Unpin();
            ArrayPool<byte>.Shared.Return(buffer);
        }

        _isUnflushed = true;
        _state = new State(state.FileCount + state.Count, [], 0);
    }

    /// <summary>Makes durable what <see cref="Persist"/> and <see cref="Trim"/> wrote.</summary>
    public void Flush()
    {
        if (!_isUnflushed || _file.Pin() is not { } file)
        {
            return;
        }

        try
        {
            file.Flush();
            _isUnflushed = false;
        }
        finally
        {
            _file.Unpin();
        }
    }

    /// <summary>Writes what is in memory and cuts the file behind the last entry.</summary>
    public void Trim()
    {
        Persist();
        var file = _file.Pin() ?? throw new IOException($"{_file.Path} is being removed");
        try
        {
            var length = (long)Count * _entrySize;
            if (file.Length != length)
            {
                file.SetLength(length);
                _isUnflushed = true;
            }

            _hasTail = false;
        }
        finally
        {
            _file.Unpin();
        }
    }

    /// <summary>All entries, for tests and tools.</summary>
    public List<IndexEntry> ReadAll()
    {
        var state = _state;
        var all = new List<IndexEntry>(Count);
        if (state.FileCount > 0 && _file.Pin() is { } file)
        {
            var bytes = new byte[state.FileCount * _entrySize];
            try
            {
                file.Read(bytes, 0);
            }
            finally
            {
                _file.Unpin();
            }

            for (var at = 0; at < bytes.Length; at += _entrySize)
            {
                all.Add(Decode(bytes.AsSpan(at)));
            }
        }

        all.AddRange(state.Entries.AsSpan(0, state.Count));
        return all;
    }

    /// <summary>
    /// Keeps the first entries and drops the rest, also in the file. Only while no reader has the index.
    /// </summary>
    public void Keep(int count)
    {
        Persist();
        if (count < _state.FileCount)
        {
            _state = new State(count, [], 0);
            _hasTail = true;
        }

        if (_hasTail)
        {
            Trim();
        }
    }

    /// <summary>The file is longer than its entries.</summary>
    public void MarkTail() => _hasTail = true;

    /// <summary>True if keys and values go up from entry to entry and stay below their limits.</summary>
    public bool IsSound(long keyLimit, int valueLimit)
    {
        var last = new IndexEntry(-1, -1);
        foreach (var entry in ReadAll())
        {
            if (entry.Key <= last.Key || entry.Value <= last.Value || entry.Key >= keyLimit || entry.Value >= valueLimit)
            {
                return false;
            }

            last = entry;
        }

        return true;
    }

    protected abstract void Encode(IndexEntry entry, Span<byte> target);

    protected abstract IndexEntry Decode(ReadOnlySpan<byte> source);

    private IndexEntry ReadEntry(int number)
    {
        var file = _file.Pin() ?? throw new IOException($"{_file.Path} is being removed");
        try
        {
            Span<byte> buffer = stackalloc byte[_entrySize];
            file.Read(buffer, (long)number * _entrySize);
            return Decode(buffer);
        }
        finally
        {
            _file.Unpin();
        }
    }

    private sealed class State(int fileCount, IndexEntry[] entries, int count)
    {
        public readonly int FileCount = fileCount;
        public readonly IndexEntry[] Entries = entries;
        public int Count = count;
    }
}

/// <summary>
/// Offset index, 8 bytes an entry: int32 offset relative to the segment's base, int32 position in the log. The offset
/// is the last one of the batch at that position.
/// </summary>
internal sealed class OffsetIndex(SegmentFile file, int fileEntries) : SparseIndex(file, EntrySize, fileEntries)
{
    public const int EntrySize = 8;

    protected override IndexEntry Decode(ReadOnlySpan<byte> source) => Parse(source);

    protected override void Encode(IndexEntry entry, Span<byte> target)
    {
        BinaryPrimitives.WriteInt32BigEndian(target, (int)entry.Key);
        BinaryPrimitives.WriteInt32BigEndian(target[4..], entry.Value);
    }

    /// <summary>Reads one entry.</summary>
    public static IndexEntry Parse(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadInt32BigEndian(source), BinaryPrimitives.ReadInt32BigEndian(source[4..]));
}

/// <summary>
/// Time index, 12 bytes an entry: int64 timestamp (ms), int32 relative offset. All records up to that offset have at
/// most that timestamp.
/// </summary>
internal sealed class TimeIndex(SegmentFile file, int fileEntries) : SparseIndex(file, EntrySize, fileEntries)
{
    public const int EntrySize = 12;

    /// <summary>Adds an entry if its timestamp is larger than the last one's: timestamps never go down.</summary>
    public void AppendIfLater(long timestamp, int relativeOffset)
    {
        if (Count == 0 ? timestamp >= 0 : timestamp > Last.Key && relativeOffset >= Last.Value)
        {
            Append(new IndexEntry(timestamp, relativeOffset));
        }
    }

    protected override IndexEntry Decode(ReadOnlySpan<byte> source) => Parse(source);

    protected override void Encode(IndexEntry entry, Span<byte> target)
    {
        BinaryPrimitives.WriteInt64BigEndian(target, entry.Key);
        BinaryPrimitives.WriteInt32BigEndian(target[8..], entry.Value);
    }

    /// <summary>Reads one entry.</summary>
    public static IndexEntry Parse(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadInt64BigEndian(source), BinaryPrimitives.ReadInt32BigEndian(source[8..]));
}
