namespace Orleans.Kafka.Storage;

/// <content>Taking records away at the beginning: DeleteRecords, and retention by time and size.</content>
public sealed partial class PartitionLog
{
    /// <summary>
    /// Segments below the log start, still on disk. They go when the log start is durable: if they went before, a
    /// crash could bring some of them back and leave a hole.
    /// </summary>
    private List<LogSegment>? _doomed;

    /// <summary>
    /// Moves the log start up (DeleteRecords). Whole segments below go; durable when the host next writes the
    /// directory's checkpoints.
    /// </summary>
    /// <returns>OffsetOutOfRange above the high watermark; none also if the log start is there or beyond already.</returns>
    public ErrorCode DeleteRecordsTo(long offset)
    {
        lock (_gate)
        {
            if (_isFailed || _isClosed)
            {
                return ErrorCode.KafkaStorageError;
            }

            if (offset > Offsets.HighWatermark || offset < 0)
            {
                return ErrorCode.OffsetOutOfRange;
            }

            return Guarded(() => MoveLogStart(offset));
        }
    }

    /// <summary>
    /// Deletes whole segments from the beginning on by <c>retention.ms</c> (by their largest timestamp: one in the
    /// future keeps its segment, and all behind it, until then) and <c>retention.bytes</c> (as long as at least so many
    /// bytes stay). Never beyond the high watermark; an expired active segment is rolled first. For a periodic call; the
    /// files go with <see cref="RemoveDeletedSegments"/>.
    /// </summary>
    /// <returns>How many segments went.</returns>
    public int ApplyRetention()
    {
        LoadTimesOfOldest();
        lock (_gate)
        {
            var config = _config;
            if (_isFailed || _isClosed || !config.Delete)
            {
                return 0;
            }

            var now = _environment.NowMs;
            var size = SizeBytes;
            var count = 0;
            var start = Offsets.LogStart;
            var error = Guarded(() =>
            {
                while (IsExpired(_segments[count], count == _segments.Length - 1, config, now, size))
                {
                    var next = count + 1 < _segments.Length ? _segments[count + 1].BaseOffset : Offsets.LogEnd;
                    if (next > Offsets.HighWatermark || (count == _segments.Length - 1 && !TryRoll(Offsets.LogEnd)))
                    {
                        break;
                    }

                    size -= _segments[count].Size;
                    start = Math.Max(start, next);
                    count++;
                }

                MoveLogStart(start);
            });
            return error == ErrorCode.None ? count : 0;
        }
    }

    /// <summary>
    /// Removes the segments below the log start, in the background and not under a reader. The host calls it when the
    /// log start is durable.
    /// </summary>
    /// <returns>How many.</returns>
    public int RemoveDeletedSegments()
    {
        List<LogSegment>? doomed;
        lock (_gate)
        {
            // A log that failed may have files whose names are not final: its next opening removes them.
            doomed = _isFailed ? null : _doomed;
            _doomed = _isFailed ? _doomed : null;
        }

        if (doomed is null)
        {
            return 0;
        }

        // A cleaned segment may be on its way to its name.
        lock (_swapGate)
        {
            foreach (var segment in doomed)
            {
                Remove(_environment, Directory, segment, _config.FileDeleteDelayMs);
                Discard(
                    _environment,
                    LogFileName.PathOf(Directory, segment.BaseOffset, LogFileName.Snapshot),
                    _config.FileDeleteDelayMs);
            }
        }

        return doomed.Count;
    }

    /// <summary>
    /// Has the times of the segments that may be expired read from their indexes before the lock is taken: appends do not
    /// wait for that.
    /// </summary>
    private void LoadTimesOfOldest()
    {
        var config = _config;
        if (_isFailed || _isClosed || !config.Delete || config.RetentionMs < 0)
        {
            return;
        }

        try
        {
            var segments = _segments;
            for (var i = 0; i < segments.Length - 1; i++)
            {
                if (_environment.NowMs - TimeOf(segments[i]) <= config.RetentionMs)
                {
                    return;
                }
            }
        }
        catch (IOException)
        {
            // Whoever needs it finds out under the lock, and ends the log.
        }
    }

    // A segment that cleaning emptied has nothing to keep, but it must not stand before those that go.
    private static bool IsExpired(LogSegment segment, bool isActive, LogConfig config, long nowMs, long size) =>
        segment.Size == 0
            ? !isActive
            : (config.RetentionBytes >= 0 && size - segment.Size >= config.RetentionBytes)
                || (config.RetentionMs >= 0 && nowMs - TimeOf(segment) > config.RetentionMs);

    // Records without a time are as old as the segment's opening: never younger than they are.
    private static long TimeOf(LogSegment segment) =>
        segment.MaxTimestamp >= 0 ? segment.MaxTimestamp : segment.CreatedMs;

    private void MoveLogStart(long offset)
    {
        var segments = _segments;
        if (offset <= Offsets.LogStart)
        {
            return;
        }

        var dead = 0;
        while (dead + 1 < segments.Length && segments[dead + 1].BaseOffset <= offset)
        {
            dead++;
        }

        _segments = segments[dead..];
        Offsets.Set(offset, Math.Max(Offsets.LastStable, offset), Offsets.HighWatermark, Offsets.LogEnd);
        PublishOffsets(offset, Offsets.HighWatermark, Offsets.LogEnd);
        _epochs.TruncateFromStart(offset);
        if (dead > 0)
        {
            (_doomed ??= []).AddRange(segments[..dead]);
        }
    }
}
