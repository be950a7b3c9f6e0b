namespace Orleans.Kafka.Storage;

/// <summary>
/// One round of cleaning over one log: collect the last offset of every key of the dirty part, then copy segment
/// group by segment group what stays, and hand each to be swapped in. Takes no lock of the log.
/// </summary>
internal sealed class CompactionRound(
    LogEnvironment environment,
    string directory,
    LogConfig config,
    CompactionOptions options,
    CompactionInput input,
    Action checkpoint,
    CancellationToken stop)
{
    /// <summary>Puts a cleaned segment in the place of a group; false if the group is not whole any more.</summary>
    public required Func<IReadOnlyList<LogSegment>, CleanedSegment, bool> Swap { get; init; }

    public CompactionReport Run()
    {
        var (from, upTo) = (input.State.FirstDirtyOffset, input.State.FirstUncleanableOffset);
        var map = new KeyOffsetMap(
            KeyHasher.Seeded(environment), options.KeyMapBytes, options.KeyMapLoadFactor, upTo - from);
        using var source = new BatchSource(options, checkpoint, stop);

        // What ended before must not be taken for open: its marker does not go by.
        var ahead = new TransactionTrail([.. input.Aborted.Where(t => t.LastOffset >= from)]);
        KeyMapBuilder.Build(map, input.Segments, ahead, source, from, upTo);
        source.Close();
        var end = map.LatestOffset + 1;
        var trail = new TransactionTrail([.. input.Aborted]);
        var filter = new RetentionFilter(
            map, trail, input.Producers, upTo, environment.NowMs, config.DeleteRetentionMs);
        var (read, written) = (0L, 0L);
        var cleanable = input.Segments.TakeWhile(s => s.BaseOffset < end).ToList();
        foreach (var group in SegmentGroups.Of(cleanable, config, upTo))
        {
            using var cleaned = new CleanedSegment(environment, directory, group, config, options, checkpoint, stop);
            trail.Kept = cleaned.Segment.TransactionIndex.Append;
            foreach (var segment in group)
            {
                CopyKept(segment, source, filter, cleaned);
                read += segment.Size;
            }

            source.Close();
            cleaned.Finish(directory);
            checkpoint();
            written += cleaned.Size;
            if (!Swap(group, cleaned))
            {
                throw new CompactionStoppedException(CompactionOutcome.Aborted, "segments went meanwhile");
            }
        }

        if (filter.RecordsWithoutKey > 0)
        {
            environment.Notice(
                StorageNoticeKind.Cleaned, directory, $"{filter.RecordsWithoutKey} records without a key were dropped");
        }

        return new CompactionReport(
            CompactionOutcome.Cleaned, from, end, read, written, filter.RecordsRead, filter.RecordsKept, map.Count);
    }

    private static void CopyKept(LogSegment segment, BatchSource source, RetentionFilter filter, CleanedSegment cleaned)
    {
        source.Open(segment, segment.BaseOffset);
        while (source.Next())
        {
            var kept = filter.Apply(source);
            if (!kept.IsEmpty)
            {
                cleaned.Add(kept);
            }
        }
    }
}

/// <summary>What a round works on, taken from the log at its beginning.</summary>
/// <param name="State">From where to where.</param>
/// <param name="Segments">The segments below the first uncleanable offset.</param>
/// <param name="Aborted">Aborted transactions that touch them.</param>
/// <param name="Producers">Live producers: their last sequences must stay.</param>
internal sealed record CompactionInput(
    CleanableState State,
    IReadOnlyList<LogSegment> Segments,
    IReadOnlyList<AbortedTransaction> Aborted,
    IReadOnlyDictionary<long, LastOfProducer> Producers);
