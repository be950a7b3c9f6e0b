namespace Orleans.Kafka.Storage;

/// <content>Reading: any thread, no lock.</content>
public sealed partial class PartitionLog
{
    /// <summary>Finds the bytes to send for a fetch.</summary>
    /// <param name="offset">First offset wanted. The range begins with the batch that holds it.</param>
    /// <param name="maxBytes">Most bytes to give; the last batch may be cut.</param>
    /// <param name="upperBoundOffset">Batches at or behind it are not given: high watermark, last stable or log end.</param>
    /// <param name="atLeastOneBatch">The first batch is given whole even if it is larger than allowed (KIP-74).</param>
    /// <param name="withAbortedTransactions">Tell the aborted transactions in the range (read_committed).</param>
    /// <returns>
    /// A range that must be released. Empty, unless <paramref name="atLeastOneBatch"/>, where more files are in use than the
    /// process should have open: who reads from many logs in one go gets what there are handles for, and asks again.
    /// </returns>
    public LogRead Read(
        long offset, int maxBytes, long upperBoundOffset, bool atLeastOneBatch, bool withAbortedTransactions = false)
    {
        var end = Offsets.LogEnd;
        if (offset < Offsets.LogStart || offset > end)
        {
            return new LogRead(ErrorCode.OffsetOutOfRange);
        }

        upperBoundOffset = Math.Min(upperBoundOffset, end);
        if (offset >= upperBoundOffset || maxBytes < 0 || (!atLeastOneBatch && _environment.OpenFiles.IsCrowded))
        {
            return Empty(withAbortedTransactions);
        }

        while (true)
        {
            var segments = _segments;
            try
            {
                if (ReadSegments(
                    segments, offset, maxBytes, upperBoundOffset, atLeastOneBatch, withAbortedTransactions) is { } read)
                {
                    return read;
                }
            }
            catch (IOException e)
            {
                if (ReferenceEquals(segments, _segments))
                {
                    NoticeFailure(Directory, e);
                    return new LogRead(ErrorCode.KafkaStorageError);
                }
            }

            // A segment went while it was looked into. Cleaning has put another in its place before; else it was
            // deleted, and the log start is about to be, or already, above the offset.
            if (ReferenceEquals(segments, _segments))
            {
                return new LogRead(ErrorCode.OffsetOutOfRange);
            }
        }
    }

    private static LogRead Empty(bool withAborted) =>
        new(ErrorCode.None) { AbortedTransactions = withAborted ? [] : null };

    /// <summary>Null if a segment went meanwhile.</summary>
    private LogRead? ReadSegments(
        LogSegment[] segments, long offset, int maxBytes, long upperBound, bool atLeastOne, bool withAborted)
    {
        for (var i = FloorSegment(segments, offset); i < segments.Length; i++)
        {
            var segment = segments[i];
            var isLast = i == segments.Length - 1;
            if (segment.BaseOffset >= upperBound)
            {
                break;
            }

            // Compaction leaves gaps, also at a segment's end: then the next one has what follows.
            var limit = !isLast && segments[i + 1].BaseOffset <= upperBound ? segment.Size : segment.PositionOf(upperBound);
            if (!TryLocate(segment, isLast, offset, limit, out var position, out var firstSize))
            {
                if (segment.IsGone)
                {
                    return null;
                }

                continue;
            }

            var length = Math.Min(limit - position, maxBytes);
            if (length < firstSize)
            {
                if (!atLeastOne)
                {
                    return Empty(withAborted);
                }

                length = firstSize;
            }

            var aborted = withAborted ? AbortedIn(segments, i, offset, upperBound) : null;
            return segment.File.Pin() is { } file
                ? new LogRead(segment.File, file, position, length) { AbortedTransactions = aborted }
                : null;
        }

        return Empty(withAborted);
    }

    private bool TryLocate(LogSegment segment, bool isActive, long offset, int limit, out int position, out int firstSize)
    {
        if (!isActive && !segment.EnsureSound(_config.IndexIntervalBytes))
        {
            _environment.Notice(
                StorageNoticeKind.Rebuilt, segment.OffsetIndex.Path, "the index contradicts itself and was made anew");
        }

        firstSize = 0;
        if (!segment.TryFind(offset, limit, out position, out var batch))
        {
            return false;
        }

        firstSize = batch.Size;
        return true;
    }

    private static int FloorSegment(LogSegment[] segments, long offset)
    {
        var (low, high) = (0, segments.Length - 1);
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            (low, high) = segments[middle].BaseOffset <= offset ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    private static List<AbortedTransaction> AbortedIn(LogSegment[] segments, int from, long offset, long upperBound)
    {
        var result = new List<AbortedTransaction>();
        for (var i = from; i < segments.Length; i++)
        {
            if (segments[i].TransactionIndex.Collect(offset, upperBound, result))
            {
                break;
            }
        }

        return result;
    }
}
