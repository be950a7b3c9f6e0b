using System.Buffers;

namespace Orleans.Kafka.Storage;

/// <content>
/// Looking up. Of the entries in the file every so-many-th is kept in memory, all of them where they are few: a look-up
/// costs no read, or one of a few hundred bytes. What is kept is bounded per file, and goes when the file is closed.
/// </content>
internal abstract partial class SparseIndex
{
    private const int SamplesMax = 4096;
    private const int ReadBlock = 64 * 1024;

    /// <summary>The last entry whose key is at most <paramref name="key"/>.</summary>
    public bool TryFloor(long key, out IndexEntry entry) => TryBracket(key, out entry, out _, out _);

    /// <summary>
    /// The last entry whose key is at most <paramref name="key"/>, and the one behind it, whose key is larger.
    /// </summary>
    /// <returns>False if there is no such first entry; there may be a second one all the same.</returns>
    public bool TryBracket(long key, out IndexEntry floor, out IndexEntry next, out bool hasNext)
    {
        var state = _state;
        var entries = state.Entries.AsSpan(0, Volatile.Read(ref state.Count));
        var at = Floor(entries, key);
        hasNext = at + 1 < entries.Length;
        next = hasNext ? entries[at + 1] : default;
        if (at >= 0)
        {
            floor = entries[at];
            return true;
        }

        return TryBracketInFile(state, key, out floor, ref next, ref hasNext);
    }

    private static int Floor(ReadOnlySpan<IndexEntry> entries, long key)
    {
        var (low, high) = (-1, entries.Length - 1);
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            (low, high) = entries[middle].Key <= key ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    private bool TryBracketInFile(
        State state, long key, out IndexEntry floor, ref IndexEntry next, ref bool hasNext)
    {
        floor = default;
        if (state.FileCount == 0 || _file.Pin() is not { } file)
        {
            return false;
        }

        try
        {
            var samples = SamplesOf(state, file);
            var at = Floor(samples.Entries, key);
            if (at >= 0 && samples.Stride > 1)
            {
                FindInBlock(state, file, at * samples.Stride, samples.Stride, key, out floor, ref next, ref hasNext);
                return true;
            }

            if (at + 1 < samples.Entries.Length)
            {
                (next, hasNext) = (samples.Entries[at + 1], true);
            }

            floor = at >= 0 ? samples.Entries[at] : default;
            return at >= 0;
        }
        finally
        {
            _file.Unpin();
        }
    }

    private void FindInBlock(
        State state, IFile file, int first, int stride, long key, out IndexEntry floor, ref IndexEntry next, ref bool hasNext)
    {
        // One more than the block has: the one behind the floor may begin the next block.
        var count = Math.Min(stride + 1, state.FileCount - first);
        var buffer = ArrayPool<byte>.Shared.Rent(count * _entrySize);
        try
        {
            file.Read(buffer.AsSpan(0, count * _entrySize), (long)first * _entrySize);
            var (low, high) = (0, count - 1);
            while (low < high)
            {
                var middle = low + ((high - low + 1) / 2);
                (low, high) = Decode(buffer.AsSpan(middle * _entrySize)).Key <= key ? (middle, high) : (low, middle - 1);
            }

            floor = Decode(buffer.AsSpan(low * _entrySize));
            if (low + 1 < count)
            {
                (next, hasNext) = (Decode(buffer.AsSpan((low + 1) * _entrySize)), true);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads the file once, and again after it has grown.</summary>
    private Samples SamplesOf(State state, IFile file)
    {
        if (_file.Cache is Samples known && ReferenceEquals(known.State, state))
        {
            return known;
        }

        var stride = (state.FileCount + SamplesMax - 1) / SamplesMax;
        var entries = new IndexEntry[(state.FileCount + stride - 1) / stride];
        var perRead = ReadBlock / _entrySize;
        var buffer = ArrayPool<byte>.Shared.Rent(perRead * _entrySize);
        try
        {
            for (var first = 0; first < state.FileCount; first += perRead)
            {
                var count = Math.Min(perRead, state.FileCount - first);
                file.Read(buffer.AsSpan(0, count * _entrySize), (long)first * _entrySize);
                for (var i = (stride - (first % stride)) % stride; i < count; i += stride)
                {
                    entries[(first + i) / stride] = Decode(buffer.AsSpan(i * _entrySize));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        var samples = new Samples(state, entries, stride);
        _file.Cache = samples;
        return samples;
    }

    private sealed record Samples(State State, IndexEntry[] Entries, int Stride);
}
