namespace Orleans.Kafka.Storage;

/// <summary>What the log directory's checkpoints say of a log that is to be opened.</summary>
public readonly record struct LogOpenOptions
{
    /// <summary>From <c>log-start-offset-checkpoint</c>; 0 without entry.</summary>
    public long LogStartOffset { get; init; }

    /// <summary>From <c>recovery-point-offset-checkpoint</c>; 0 without entry.</summary>
    public long RecoveryPoint { get; init; }

    /// <summary>From <c>replication-offset-checkpoint</c>; 0 without entry.</summary>
    public long HighWatermark { get; init; }

    /// <summary>A flush failed since the machine was started: everything behind the recovery point is written anew.</summary>
    internal bool HasLostFlush { get; init; }

    /// <summary>From <c>cleaner-offset-checkpoint</c>; null without entry.</summary>
    public long? CleanerOffset { get; init; }

    /// <summary>The directory carried the marker of a clean shutdown.</summary>
    public bool IsClean { get; init; }

    /// <summary>
    /// Nothing is taken on trust, for a repair: every batch is read and checked, indexes are made anew, and so are the
    /// snapshots that are missing where segments begin. Holes between offsets are still believed below the recovery
    /// point: cleaning leaves them. Not together with <see cref="IsClean"/>.
    /// </summary>
    internal bool ReadsAll { get; init; }

    /// <summary>Hears how far a recovery is; null for nobody.</summary>
    internal RecoveryProgress.OfLog? Progress { get; init; }
}

/// <content>Opening.</content>
public sealed partial class PartitionLog
{
    /// <summary>
    /// Opens the log in a directory, which is made if there is none. After an unclean shutdown everything from the
    /// recovery point on is read, checked, and cut off behind the first batch that is not whole. After a clean one the
    /// last index interval is checked all the same: a marker says what a process believed, not what is on the disk.
    /// </summary>
    /// <exception cref="IOException">The disk fails.</exception>
    /// <exception cref="LogFormatException">The directory holds what this broker must not touch.</exception>
    public static PartitionLog Open(
        LogEnvironment environment,
        string directory,
        string topic,
        int partition,
        LogConfig config,
        LogOpenOptions options)
    {
        if (!environment.Files.DirectoryExists(directory))
        {
            return Create(environment, directory, topic, partition, config, options.LogStartOffset);
        }

        var log = new PartitionLog(environment, directory, topic, partition, config)
        {
            CleanerCheckpoint = options.CleanerOffset ?? -1,
        };
        var listing = LogListing.Read(environment, directory);
        if (listing.Segments.Count == 0)
        {
            log._isDirectoryDirty = false;
            log._epochs.TryLoad(environment.Files, directory);
            log._epochs.TruncateFromEnd(options.LogStartOffset);
            listing.Snapshots.ForEach(log.DeleteSnapshot);
            log.StartEmpty(options.LogStartOffset);
            return log;
        }

        log.Load(listing, options);
        return log;
    }

    /// <summary>Makes a log whose directory does not exist yet.</summary>
    internal static PartitionLog Create(
        LogEnvironment environment, string directory, string topic, int partition, LogConfig config, long startOffset)
    {
        environment.Files.CreateDirectory(directory);
        var log = new PartitionLog(environment, directory, topic, partition, config);
        log.StartEmpty(startOffset);
        return log;
    }

    /// <summary>A fresh log has no files yet: they come with the first append.</summary>
    private void StartEmpty(long offset)
    {
        var segment = new LogSegment(_environment, Directory, offset, default);
        segment.AllowCreation();
        segment.Publish(0, offset);
        _segments = [segment];
        _isDirectoryDirty = true;
        _recoveryPoint = offset;
        _lastSnapshotOffset = offset;
        Offsets.Set(offset, offset, offset, offset);
    }

    private void Load(LogListing listing, LogOpenOptions options)
    {
        DropBelowLogStart(listing, options.LogStartOffset);
        var hadEpochs = _epochs.TryLoad(_environment.Files, Directory);
        var recovery = new LogRecovery(_environment, _config, _epochs, options.Progress) { HolesBelow = options.RecoveryPoint };
        var (segments, end, cut, setAside, rebuilt) = LoadSegments(listing, options, recovery);
        _segments = [.. segments];
        if (end < options.LogStartOffset)
        {
            // All that is left was deleted before; offsets must not be given out twice.
            RestartAt(options.LogStartOffset);
            return;
        }

        var start = Math.Clamp(Math.Max(options.LogStartOffset, segments[0].BaseOffset), 0, end);
        _isDirectoryDirty = !options.IsClean;
        _recoveryPoint = options.IsClean && cut == 0 ? end : Math.Min(options.RecoveryPoint, end);
        if (!hadEpochs)
        {
            RebuildEpochs();
        }

        _epochs.TruncateFromEnd(end);
        _epochs.TruncateFromStart(start);
        var highWatermark = Math.Clamp(options.HighWatermark, start, end);
        var indexedBelow = options.IsClean ? long.MaxValue : IndexedBelow(options.RecoveryPoint);
        var readFrom = ReloadProducers(end, listing.Snapshots, indexedBelow, options.ReadsAll);
        if (readFrom > highWatermark && highWatermark > segments[0].BaseOffset)
        {
            // Without a high watermark nobody reads yet, and the whole log would have to be looked through.
            FindDecided(highWatermark, end, listing.Snapshots);
        }

        _producers.HighWatermarkMoved(highWatermark);
        PublishOffsets(start, highWatermark, end);
        if (options.HasLostFlush)
        {
            WriteAgain();
        }

        Recovery = new RecoveryReport(recovery.BytesRead, cut, setAside, rebuilt, !options.IsClean);
        if (Math.Max(options.RecoveryPoint, options.HighWatermark) > end)
        {
            _environment.Notice(
                StorageNoticeKind.DataCut,
                Directory,
                $"the log ends at {end}, but records below {Math.Max(options.RecoveryPoint, options.HighWatermark)} " +
                "were there before");
        }
    }

    // The indexes of the active segment are not flushed with it, and those of one that was rolled right at the recovery
    // point perhaps not yet. Without the end of a transaction there is nothing in them.
    private long IndexedBelow(long recoveryPoint)
    {
        var first = FloorSegment(_segments, Math.Max(0, recoveryPoint - 1));
        return _segments.Skip(first).FirstOrDefault(s => s.MayHaveMarkers)?.BaseOffset ?? long.MaxValue;
    }

    /// <summary>
    /// The system took pages for written that are not: those behind the recovery point are made dirty again, with what they
    /// hold, and flushed.
    /// </summary>
    private void WriteAgain()
    {
        var buffer = new byte[64 * 1024];
        for (var i = 0; i < _segments.Length; i++)
        {
            var segment = _segments[i];
            segment.TransactionIndex.WriteAgain();
            if ((i + 1 < _segments.Length && _segments[i + 1].BaseOffset <= _recoveryPoint)
                || segment.Size == 0 || segment.File.Pin() is not { } file)
            {
                continue;
            }

            try
            {
                var position = _recoveryPoint <= segment.BaseOffset ? 0 : segment.PositionOf(_recoveryPoint);
                while (position < segment.Size)
                {
                    var read = file.Read(buffer.AsSpan(0, Math.Min(buffer.Length, segment.Size - position)), position);
                    if (read == 0)
                    {
                        throw new IOException($"{segment.File.Path} ends before its records do");
                    }

                    file.Write(buffer.AsSpan(0, read), position);
                    position += read;
                }

                file.Flush();
            }
            finally
            {
                segment.File.Unpin();
            }
        }

        _epochs.MarkDirty();
        _environment.Files.DeleteFile(Path.Join(Directory, LogFileName.LostFlush));
    }

    /// <summary>A deletion that was interrupted is brought to its end when the checkpoints are written the next time.</summary>
    private void DropBelowLogStart(LogListing listing, long logStart)
    {
        while (listing.Segments.Count > 1 && listing.Segments[1].BaseOffset <= logStart)
        {
            (_doomed ??= []).Add(
                new LogSegment(_environment, Directory, listing.Segments[0].BaseOffset, listing.Segments[0].Sizes));
            listing.Segments.RemoveAt(0);
        }
    }

    private (List<LogSegment> Segments, long End, long Cut, int SetAside, int Rebuilt) LoadSegments(
        LogListing listing, LogOpenOptions options, LogRecovery recovery)
    {
        var segments = new List<LogSegment>(listing.Segments.Count);
        var trustedBelow = options.IsClean ? long.MaxValue : options.ReadsAll ? 0 : options.RecoveryPoint;
        var rebuilt = 0;
        var (reached, scannedTo) = (options.RecoveryPoint, 0L);
        for (var i = 0; i < listing.Segments.Count; i++)
        {
            var files = listing.Segments[i];
            var isLast = i == listing.Segments.Count - 1;
            var segment = new LogSegment(_environment, Directory, files.BaseOffset, files.Sizes);
            segments.Add(segment);

            // A flush behind its end has flushed the indexes of a sealed segment; one right at its end came before they
            // were in their files.
            if (!isLast && listing.Segments[i + 1].BaseOffset < trustedBelow)
            {
                if (!files.HasUsableIndexes)
                {
                    segment.RebuildIndexes(_config.IndexIntervalBytes);
                    rebuilt++;
                }

                continue;
            }

            if (i > 0 && !options.IsClean && IsHole(reached, files.BaseOffset, options))
            {
                // A whole segment before this one never reached the disk, or its name did not.
                segments.RemoveAt(i);
                return CutAt(segments, listing, i, scannedTo, cut: 0, rebuilt, recovery);
            }

            rebuilt += files.HasUsableIndexes ? 0 : 1;
            recovery.EndsBelow = isLast ? long.MaxValue : listing.Segments[i + 1].BaseOffset;
            var (valid, next) = recovery.Scan(segment, files.LogLength, trustedBelow, files.HasUsableIndexes);
            if (!isLast && valid == files.LogLength)
            {
                segment.Seal();
                segment.OffsetIndex.Trim();
                segment.TimeIndex.Trim();
                (reached, scannedTo) = (Math.Max(reached, next), next);
                continue;
            }

            var cut = files.LogLength - valid;
            if (cut > 0)
            {
                LogDamage.CutTail(_environment, segment, valid, files.LogLength, next);
            }

            return CutAt(segments, listing, i + 1, next, cut, rebuilt, recovery);
        }

        throw new InvalidOperationException("The last segment is always scanned");
    }

    // Cleaning leaves holes, but only below its checkpoint, or below the recovery point, which it writes first. A leader's
    // offsets may jump further than a segment reaches; then a segment is begun there.
    private static bool IsHole(long reached, long baseOffset, LogOpenOptions options) =>
        baseOffset > reached && baseOffset > (options.CleanerOffset ?? -1) && baseOffset - reached < int.MaxValue / 2;

    /// <summary>The log ends with the last of <paramref name="segments"/>; what the directory has behind it goes aside.</summary>
    private (List<LogSegment> Segments, long End, long Cut, int SetAside, int Rebuilt) CutAt(
        List<LogSegment> segments,
        LogListing listing,
        int from,
        long end,
        long cut,
        int rebuilt,
        LogRecovery recovery)
    {
        var setAside = listing.Segments.Skip(from).ToList();
        LogDamage.SetAside(_environment, Directory, setAside);
        if (setAside.Count > 0 && from > 0 && segments[^1] is var last && !last.IsRestored)
        {
            // It was to be a sealed one in the middle and is to be appended to now: its end must be known.
            recovery.EndsBelow = long.MaxValue;
            (_, end) = recovery.Scan(last, listing.Segments[from - 1].LogLength, long.MaxValue, indexesUsable: true);
        }

        return (segments, end, cut + setAside.Sum(s => s.LogLength), setAside.Count, rebuilt);
    }

    private void RebuildEpochs()
    {
        Span<byte> window = stackalloc byte[BatchHeaderScanner.WindowLength];
        foreach (var segment in _segments)
        {
            if (segment.File.Pin() is not { } file)
            {
                continue;
            }

            try
            {
                var scanner = new BatchHeaderScanner(file, 0, segment.Size, window);
                while (scanner.Next())
                {
                    if (scanner.Current.LeaderEpoch > _epochs.Latest)
                    {
                        _epochs.Assign(scanner.Current.LeaderEpoch, scanner.Current.BaseOffset);
                    }
                }
            }
            finally
            {
                segment.File.Unpin();
            }
        }
    }
}

/// <summary>A log directory or file that must not be opened as it is.</summary>
public sealed class LogFormatException(string message) : Exception(message);
