namespace Orleans.Kafka.Storage;

/// <content>Rolling to a new segment.</content>
public sealed partial class PartitionLog
{
    private const int MostUnflushedSnapshots = 16;

    /// <summary>Starts a new segment at the log end, whatever the size; nothing happens if the active one is empty.</summary>
    /// <returns>False if the log has failed.</returns>
    public bool Roll()
    {
        lock (_gate)
        {
            return !_isFailed && !_isClosed && (Active.Size == 0 || TryRoll(Offsets.LogEnd));
        }
    }

    private bool MustRoll(int size, long lastOffset, long maxTimestamp, long nowMs)
    {
        var config = _config;
        var active = Active;
        var used = active.Size + (long)_stagedSize;
        if (used == 0)
        {
            // Offsets of a compacted log may jump further than an index entry reaches.
            return lastOffset - active.BaseOffset > int.MaxValue;
        }

        return used + size > config.SegmentBytes
            || lastOffset - active.BaseOffset > int.MaxValue
            || active.IsIndexFull(config.SegmentIndexBytes)
            || IsTooOld(active, config, maxTimestamp, nowMs);
    }

    // Age counts in the records' own time, so that old data copied in one go rolls as it did when it was new.
    private bool IsTooOld(LogSegment active, LogConfig config, long maxTimestamp, long nowMs)
    {
        if (config.SegmentMs == long.MaxValue)
        {
            return false;
        }

        active.LoadFirstBatchTimestamp();
        var first = active.FirstBatchTimestamp;
        var age = first >= 0 ? maxTimestamp - first : nowMs - active.CreatedMs;
        return age > config.SegmentMs - _rollJitterMs;
    }

    /// <summary>Ends the active segment; the next one begins at an offset at or behind the log end.</summary>
    private bool TryRoll(long baseOffset)
    {
        var ended = Active;
        try
        {
            if (ended.Size == 0)
            {
                AddSegment(baseOffset, _segments[..^1]);
                Remove(_environment, Directory, ended, _config.FileDeleteDelayMs);
                return true;
            }

            ended.Seal();
            ended.OffsetIndex.Trim();
            ended.TimeIndex.Trim();
            WriteProducerSnapshot(baseOffset);
            AddSegment(baseOffset, _segments);
            _rollJitterMs = NextJitter();
            return true;
        }
        catch (IOException e)
        {
            Poison(ended.File.Path, e);
            return false;
        }
    }

    // Segments of many partitions that began together do not end together.
    private long NextJitter() => _config.SegmentJitterMs <= 0
        ? 0
        : _environment.NextRandom(Math.Min(_config.SegmentJitterMs, _config.SegmentMs));

    /// <summary>Makes the segment's file at once: its name is what keeps offsets from going back when others go.</summary>
    private void AddSegment(long baseOffset, LogSegment[] behind)
    {
        var segment = new LogSegment(_environment, Directory, baseOffset, default);
        segment.AllowCreation();
        if (segment.File.Pin() is null)
        {
            throw new IOException($"Cannot create {segment.File.Path}");
        }

        segment.File.Unpin();
        segment.Publish(0, baseOffset);
        _isDirectoryDirty = true;
        _segments = [.. behind, segment];
    }

    /// <summary>Notes the producers as of now; the log goes on at <paramref name="offset"/>.</summary>
    private void WriteProducerSnapshot(long offset)
    {
        if (offset == _lastSnapshotOffset)
        {
            return;
        }

        // Flushed with what comes next: its CRC tells a torn one, and then an older one and more of the log do.
        _environment.Files.WriteUnflushed(
            LogFileName.PathOf(Directory, offset, LogFileName.Snapshot), ProducerSnapshot.Encode(_producers));
        _lastSnapshotOffset = offset;
        (_unflushedSnapshots ??= []).Add(offset);
        if (_unflushedSnapshots.Count > MostUnflushedSnapshots)
        {
            // A flush shared with other logs covers them without telling.
            _unflushedSnapshots.RemoveAt(0);
        }

        _isDirectoryDirty = true;
    }
}
