using System.Buffers;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <content>Offsets by time (ListOffsets).</content>
public sealed partial class PartitionLog
{
    private const int MaxUncompressedForLookup = 256 << 20;

    /// <summary>The first record that may be read.</summary>
    public OffsetLookup Earliest()
    {
        var start = Offsets.LogStart;
        var epoch = _epochs.Entries is [var first, ..] && first.StartOffset <= start ? _epochs.EpochOf(start) : -1;
        return new OffsetLookup(-1, start, epoch);
    }

    /// <summary>The epoch of an offset, -1 if unknown.</summary>
    public int LeaderEpochOf(long offset) => _epochs.EpochOf(offset);

    /// <summary>The first record, below <paramref name="upperBoundOffset"/>, with at least that timestamp (ms).</summary>
    /// <returns>Its own timestamp and offset; <see cref="OffsetLookup.None"/> if there is none.</returns>
    /// <exception cref="IOException">The disk fails.</exception>
    public OffsetLookup ByTimestamp(long timestampMs, long upperBoundOffset)
    {
        while (true)
        {
            var segments = _segments;
            try
            {
                var found = ByTimestamp(segments, timestampMs, upperBoundOffset);
                if (IsStillWhole(segments))
                {
                    return found;
                }
            }
            catch (IOException) when (!IsStillWhole(segments))
            {
                // Its files went under the look-up: the new ones are looked into.
            }
        }
    }

    /// <summary>False if a segment was replaced while it was looked into: then what was found may be wrong.</summary>
    private bool IsStillWhole(LogSegment[] segments) =>
        ReferenceEquals(segments, _segments) || !Array.Exists(segments, static s => s.IsGone);

    private OffsetLookup ByTimestamp(LogSegment[] segments, long timestampMs, long upperBoundOffset)
    {
        var start = Offsets.LogStart;
        for (var i = FloorSegment(segments, start); i < segments.Length; i++)
        {
            var segment = segments[i];
            if (segment.BaseOffset >= upperBoundOffset)
            {
                break;
            }

            if (segment.Size == 0 || segment.MaxTimestamp < timestampMs)
            {
                continue;
            }

            var isActive = i == segments.Length - 1;
            if (!isActive)
            {
                segment.EnsureSound(_config.IndexIntervalBytes);
            }

            // Everything up to the entry's offset is older than what is looked for.
            var from = segment.TimeIndex.TryFloor(timestampMs - 1, out var entry)
                ? segment.BaseOffset + entry.Value
                : segment.BaseOffset;
            if (TryFindByTime(segment, Math.Max(from, start), timestampMs, upperBoundOffset, out var found))
            {
                return found;
            }
        }

        return OffsetLookup.None;
    }

    /// <summary>The first record with the largest timestamp (KIP-734).</summary>
    /// <returns><see cref="OffsetLookup.None"/> if the log is empty.</returns>
    /// <exception cref="IOException">The disk fails.</exception>
    public OffsetLookup MaxTimestamp()
    {
        while (true)
        {
            var segments = _segments;
            try
            {
                var found = MaxTimestamp(segments);
                if (IsStillWhole(segments))
                {
                    return found;
                }
            }
            catch (IOException) when (!IsStillWhole(segments))
            {
                // Its files went under the look-up: the new ones are looked into.
            }
        }
    }

    private OffsetLookup MaxTimestamp(LogSegment[] segments)
    {
        var best = default(LogSegment);
        foreach (var segment in segments)
        {
            if (segment.Size > 0 && segment.MaxTimestamp >= 0
                && (best is null || segment.MaxTimestamp > best.MaxTimestamp))
            {
                best = segment;
            }
        }

        if (best is null)
        {
            return OffsetLookup.None;
        }

        var timestamp = best.MaxTimestamp;
        return TryFindByTime(
            best, Math.Max(best.OffsetOfMaxTimestamp, Offsets.LogStart), timestamp, Offsets.LogEnd, out var found)
            ? found
            : OffsetLookup.None;
    }

    private bool TryFindByTime(
        LogSegment segment, long from, long timestampMs, long upperBound, out OffsetLookup found)
    {
        found = OffsetLookup.None;
        var end = segment.Size;
        if (segment.File.Pin() is not { } file)
        {
            return false;
        }

        try
        {
            if (!segment.TryFind(from, end, out var position, out _))
            {
                return false;
            }

            Span<byte> window = stackalloc byte[BatchHeaderScanner.WindowLength];
            var scanner = new BatchHeaderScanner(file, position, end, window);
            while (scanner.Next() && scanner.Current.BaseOffset < upperBound)
            {
                if (scanner.Current.MaxTimestamp >= timestampMs
                    && TryFindInBatch(file, scanner.Position, scanner.Current, timestampMs, upperBound, out found))
                {
                    return true;
                }
            }

            return false;
        }
        finally
        {
            segment.File.Unpin();
        }
    }

    private bool TryFindInBatch(
        IFile file,
        int position,
        in RecordBatchInfo batch,
        long timestampMs,
        long upperBound,
        out OffsetLookup found)
    {
        found = OffsetLookup.None;
        var start = Offsets.LogStart;
        if (batch.IsLogAppendTime)
        {
            // All records have the same time.
            found = new OffsetLookup(batch.MaxTimestamp, Math.Max(batch.BaseOffset, start), batch.LeaderEpoch);
            return found.Offset < upperBound;
        }

        var size = batch.Size - RecordBatchHeader.Size;
        var buffer = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var read = file.Read(buffer.AsSpan(0, size), position + RecordBatchHeader.Size);
            var records = (ReadOnlySpan<byte>)buffer.AsSpan(0, read);
            if (batch.Codec != 0)
            {
                var unpacked = new ArrayBufferWriter<byte>();
                if (_environment.Decompress?.Invoke(
                        batch.Codec, new ReadOnlySequence<byte>(buffer, 0, read), MaxUncompressedForLookup, unpacked)
                    != true)
                {
                    // The batch has such a record, if its header is right; its place cannot be seen.
                    found = new OffsetLookup(batch.MaxTimestamp, Math.Max(batch.BaseOffset, start), batch.LeaderEpoch);
                    return found.Offset < upperBound;
                }

                records = unpacked.WrittenSpan;
            }

            var reader = new RecordReader(batch, records);
            while (reader.Next())
            {
                if (reader.Timestamp >= timestampMs && reader.Offset >= start)
                {
                    found = new OffsetLookup(reader.Timestamp, reader.Offset, batch.LeaderEpoch);
                    return reader.Offset < upperBound;
                }
            }

            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
