using System.Buffers;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Reads a segment batch by batch, checks each, and enters it into the indexes. Stops in front of the first batch that
/// is not whole, has a wrong CRC, or an offset that goes back.
/// </summary>
internal sealed class LogRecovery(
    LogEnvironment environment, LogConfig config, LeaderEpochCache epochs, RecoveryProgress.OfLog? progress = null)
{
    private const int FirstBuffer = 64 * 1024;

    // Where a batch lies that jumped ahead of those behind it: base offsets are not under the CRC.
    private int? _outOfPlaceAt;

    /// <summary>Holes between offsets are believed if they end here or below, whatever else is trusted.</summary>
    public long HolesBelow { get; init; }

    /// <summary>Where the next segment begins: batches of the one that is scanned lie below.</summary>
    public long EndsBelow { get; set; } = long.MaxValue;

    /// <summary>Bytes of <c>.log</c> files read.</summary>
    public long BytesRead { get; private set; }

    /// <summary>
    /// Scans a segment to the end of its file. Of what is trusted only the headers are read, to make the indexes anew:
    /// index files of the active segment are not flushed and may be anything after a crash. Only after a clean
    /// shutdown (everything is trusted) the scan starts at the last index entry.
    /// </summary>
    /// <param name="segment">The segment; its indexes are complete up to the result when the call returns.</param>
    /// <param name="fileLength">Bytes in the file.</param>
    /// <param name="trustedBelow">Batches below this offset are on disk for good.</param>
    /// <param name="indexesUsable">The index files are there and have entries of whole size.</param>
    /// <returns>Bytes of whole batches, and the offset behind them.</returns>
    public (int ValidBytes, long NextOffset) Scan(
        LogSegment segment, long fileLength, long trustedBelow, bool indexesUsable)
    {
        var start = indexesUsable && trustedBelow == long.MaxValue ? StartOf(segment, fileLength, before: trustedBelow) : null;
        var result = Scan(segment, fileLength, trustedBelow, start);
        progress?.EndSegment(fileLength);
        return result;
    }

    private (int ValidBytes, long NextOffset) Scan(
        LogSegment segment, long fileLength, long trustedBelow, IndexEntry? start)
    {
        segment.AllowCreation();
        if (start is null)
        {
            segment.OffsetIndex.Keep(0);
            segment.TimeIndex.Keep(0);
        }

        if (fileLength == 0)
        {
            segment.Restore(0, segment.BaseOffset, -1, -1, 0);
            return (0, segment.BaseOffset);
        }

        var (valid, next) = ScanFile(segment, fileLength, trustedBelow, start);
        if (_outOfPlaceAt is { } outOfPlace)
        {
            _outOfPlaceAt = null;
            return Scan(segment, outOfPlace, trustedBelow, start: null);
        }

        return start is { } entry && valid == entry.Value

            // The batch to start from is damaged itself: what the log has in front of it must be seen anew.
            ? Scan(segment, fileLength, trustedBelow, StartOf(segment, fileLength, segment.BaseOffset + entry.Key))
            : (valid, next);
    }

    private (int ValidBytes, long NextOffset) ScanFile(
        LogSegment segment, long fileLength, long trustedBelow, IndexEntry? start)
    {
        var file = segment.File.Pin() ?? throw new IOException($"{segment.File.Path} is being removed");
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            return Walk(segment, file, fileLength, trustedBelow, start, ref buffer);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            segment.File.Unpin();
        }
    }

    private (int ValidBytes, long NextOffset) Walk(
        LogSegment segment, IFile file, long fileLength, long trustedBelow, IndexEntry? start, ref byte[] buffer)
    {
        var position = start?.Value ?? 0;
        var next = segment.BaseOffset;
        var isFirst = true;
        var (maxTimestamp, offsetOfMax) = start is not null && segment.TimeIndex.Count > 0
            ? (segment.TimeIndex.Last.Key, segment.BaseOffset + segment.TimeIndex.Last.Value)
            : (-1L, -1L);
        segment.Restore(0, segment.BaseOffset, maxTimestamp, offsetOfMax, 0);
        segment.MayHaveMarkers = start is not null;
        if (start is null)
        {
            (position, next) = WalkTrusted(segment, file, fileLength, trustedBelow);
        }

        var windowStart = (long)position;
        var windowLength = 0;
        (int Position, long Next)? jump = null;
        while (TryReadBatch(file, fileLength, position, ref buffer, ref windowStart, ref windowLength, out var bytes))
        {
            var batch = new RecordBatchInfo(bytes);
            var isFollowing = isFirst && start is not null || batch.BaseOffset == next;
            if (batch.BaseOffset < next || batch.LastOffsetDelta < 0 || batch.LastOffset >= EndsBelow
                || (!isFollowing && !config.Compact && batch.BaseOffset > Math.Max(trustedBelow, HolesBelow))
                || batch.LastOffset - segment.BaseOffset > int.MaxValue || !RecordBatchHeader.HasValidCrc(bytes))
            {
                _outOfPlaceAt = batch.BaseOffset < next && batch.BaseOffset >= jump?.Next ? jump?.Position : null;
                break;
            }

            // The batch of the entry to start from is in the index already.
            var interval = isFirst && start is not null ? int.MaxValue : config.IndexIntervalBytes;
            segment.Note(batch.LastOffset, batch.MaxTimestamp, position, batch.Size, interval);
            isFirst = false;
            jump = isFollowing ? null : (position, next);
            Seen(segment, batch);
            position += batch.Size;
            next = batch.NextOffset;
        }

        segment.Restore(
            position, next, segment.MaxTimestamp, segment.OffsetOfMaxTimestamp, segment.BytesSinceIndexEntry);
        return (position, next);
    }

    /// <summary>Headers only, up to the first batch that is not trusted.</summary>
    private (int Position, long Next) WalkTrusted(LogSegment segment, IFile file, long fileLength, long trustedBelow)
    {
        var (position, next) = (0, segment.BaseOffset);
        if (trustedBelow == long.MaxValue)
        {
            return (position, next);
        }

        Span<byte> window = stackalloc byte[BatchHeaderScanner.WindowLength];
        var scanner = new BatchHeaderScanner(file, 0, (int)Math.Min(fileLength, int.MaxValue), window);
        while (scanner.Next() && scanner.Current.LastOffset < trustedBelow && scanner.Current.BaseOffset >= next
            && scanner.Current.LastOffsetDelta >= 0)
        {
            var batch = scanner.Current;
            segment.Note(
                batch.LastOffset, batch.MaxTimestamp, scanner.Position, batch.Size, config.IndexIntervalBytes);
            Seen(segment, batch);
            (position, next) = (scanner.NextPosition, batch.NextOffset);
        }

        return (position, next);
    }

    private void Seen(LogSegment segment, in RecordBatchInfo batch)
    {
        segment.MayHaveMarkers |= batch.IsControl;
        if (batch.LeaderEpoch > epochs.Latest)
        {
            epochs.Assign(batch.LeaderEpoch, batch.BaseOffset);
        }
    }

    private bool TryReadBatch(
        IFile file,
        long fileLength,
        int position,
        ref byte[] buffer,
        ref long windowStart,
        ref int windowLength,
        out ReadOnlySpan<byte> batch)
    {
        batch = default;
        var left = fileLength - position;
        if (left < RecordBatchHeader.Size)
        {
            return false;
        }

        if (position + RecordBatchHeader.Size > windowStart + windowLength)
        {
            Fill(file, position, buffer, ref windowStart, ref windowLength);
            if (windowLength < RecordBatchHeader.Size)
            {
                return false;
            }
        }

        var at = (int)(position - windowStart);
        var header = buffer.AsSpan(at, RecordBatchHeader.Size);
        var length = RecordBatchHeader.Length(header);
        if (length < RecordBatchHeader.Size - RecordBatchHeader.LengthOverhead
            || length > left - RecordBatchHeader.LengthOverhead
            || RecordBatchHeader.Magic(header) != RecordBatchHeader.CurrentMagic)
        {
            return false;
        }

        var size = length + RecordBatchHeader.LengthOverhead;
        if (at + size > windowLength)
        {
            if (size > buffer.Length)
            {
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = ArrayPool<byte>.Shared.Rent(size);
            }

            Fill(file, position, buffer, ref windowStart, ref windowLength);
            at = 0;
            if (windowLength < size)
            {
                return false;
            }
        }

        batch = buffer.AsSpan(at, size);
        return true;
    }

    private void Fill(IFile file, int position, byte[] buffer, ref long windowStart, ref int windowLength)
    {
        progress?.Reached(position);
        windowStart = position;
        windowLength = file.Read(buffer, position);
        BytesRead += windowLength;
    }

    /// <summary>The last index entry to start from; entries behind it are dropped. Null to start from the beginning.</summary>
    private IndexEntry? StartOf(LogSegment segment, long fileLength, long before)
    {
        if (!segment.OffsetIndex.IsSound(long.MaxValue, (int)Math.Min(fileLength, int.MaxValue))
            || !segment.TimeIndex.IsSound(long.MaxValue, int.MaxValue))
        {
            environment.Notice(
                StorageNoticeKind.Rebuilt, segment.OffsetIndex.Path, "the index contradicts itself and is made anew");
            return null;
        }

        var entries = segment.OffsetIndex.ReadAll();
        var keep = entries.FindLastIndex(e => e.Key < before - segment.BaseOffset);
        if (keep < 0 || !PointsAtItsBatch(segment, entries[keep], fileLength))
        {
            return null;
        }

        var times = segment.TimeIndex.ReadAll();
        segment.AllowCreation();
        segment.OffsetIndex.Keep(keep + 1);
        segment.TimeIndex.Keep(times.FindLastIndex(e => e.Value <= entries[keep].Key) + 1);
        return entries[keep];
    }

    private static bool PointsAtItsBatch(LogSegment segment, IndexEntry entry, long fileLength)
    {
        if (entry.Value + (long)RecordBatchHeader.Size > fileLength || segment.File.Pin() is not { } file)
        {
            return false;
        }

        try
        {
            Span<byte> header = stackalloc byte[RecordBatchHeader.Size];
            file.Read(header, entry.Value);
            return RecordBatchHeader.Magic(header) == RecordBatchHeader.CurrentMagic
                && new RecordBatchInfo(header).LastOffset == segment.BaseOffset + entry.Key;
        }
        finally
        {
            segment.File.Unpin();
        }
    }
}
