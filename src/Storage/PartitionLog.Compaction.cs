namespace Orleans.Kafka.Storage;

/// <content>
/// Cleaning (<c>cleanup.policy=compact</c>). Appends and reads go on: the work is done beside the log, and only the
/// exchange of a group of segments for its cleaned one takes the lock, for one renaming.
/// </content>
public sealed partial class PartitionLog
{
    // Held for a whole round; whoever takes the files away waits until the round has noticed.
    private readonly Lock _compactionGate = new();

    // Held while files of a swap are renamed: nobody else renames or removes any meanwhile.
    private readonly Lock _swapGate = new();
    private long _cleanerCheckpoint = -1;
    private volatile string? _uncleanableReason;

    /// <summary>
    /// Everything below was cleaned (<c>cleaner-offset-checkpoint</c>); -1 if the log never was. Kept by
    /// <see cref="LogDirectory"/> over restarts.
    /// </summary>
    public long CleanerCheckpoint
    {
        get => Volatile.Read(ref _cleanerCheckpoint);
        internal set => Volatile.Write(ref _cleanerCheckpoint, value);
    }

    /// <summary>Why the log is not cleaned any more until it is opened anew; null if it is.</summary>
    public string? UncleanableReason => _uncleanableReason;

    /// <summary>How much waits to be cleaned, by the settings and the clock of now. Any thread, no lock.</summary>
    public CleanableState MeasureCleanable() => Measure(_segments);

    /// <summary>
    /// Cleans the log once, on the calling thread: keeps of each key the last record, and of transactions, tombstones
    /// and producers what Kafka keeps. Offsets stay. Never touches the active segment or what lies at or above the last
    /// stable offset. Durable on return: the cleaned segments and, before anything is swapped, everything below them.
    /// A crash at any moment leaves each group of segments either as it was or cleaned. Whether a round is due is the
    /// caller's to decide (<see cref="CleanableState.IsDue"/>), and so is <c>cleanup.policy</c>.
    /// </summary>
    /// <param name="options">Memory and speed.</param>
    /// <param name="stop">Ends the round early, at the next read.</param>
    public CompactionReport Compact(CompactionOptions options, CancellationToken stop = default)
    {
        // Cleaned segments have gaps. A recovery trusts gaps below the recovery point only, so that goes first.
        if (!Flush())
        {
            return Ended(CompactionOutcome.Aborted, default);
        }

        if (!TryWriteCheckpoints())
        {
            return Ended(CompactionOutcome.DiskFailed, default);
        }

        if (_uncleanableReason is not null)
        {
            return Ended(CompactionOutcome.Uncleanable, default);
        }

        if (!_compactionGate.TryEnter())
        {
            return Ended(CompactionOutcome.Aborted, default);
        }

        try
        {
            return CompactOnce(options, stop);
        }
        finally
        {
            _compactionGate.Exit();
        }
    }

    private static CompactionReport Ended(CompactionOutcome outcome, CleanableState state) =>
        new(outcome, state.FirstDirtyOffset, state.FirstDirtyOffset, 0, 0, 0, 0, 0);

    private CompactionReport CompactOnce(CompactionOptions options, CancellationToken stop)
    {
        int cuts;
        CompactionInput input;
        lock (_gate)
        {
            cuts = _cuts;
            if (_isFailed || _isClosed)
            {
                return Ended(CompactionOutcome.Aborted, default);
            }

            var state = Measure(_segments);
            if (state.CleanableBytes == 0)
            {
                return Ended(CompactionOutcome.Nothing, state);
            }

            input = new CompactionInput(
                state,
                [.. _segments.TakeWhile(s => s.BaseOffset < state.FirstUncleanableOffset)],
                [],
                LastOfProducers());
        }

        try
        {
            input = input with { Aborted = AbortedOver(input) };
            var round = new CompactionRound(
                _environment, Directory, _config, options, input, () => StopIfChanged(cuts, stop), stop)
            {
                Swap = (group, cleaned) => SwapIn(group, cleaned, cuts),
            };
            var report = round.Run();
            MoveCleanerCheckpoint(report.CleanedTo, cuts);
            return report;
        }
        catch (CompactionStoppedException e)
        {
            return Stopped(e, input.State);
        }
        catch (IOException e)
        {
            _environment.Notice(StorageNoticeKind.CleaningFailed, Directory, e.Message);
            return Ended(CompactionOutcome.DiskFailed, input.State);
        }
    }

    private CompactionReport Stopped(CompactionStoppedException e, CleanableState state)
    {
        if (e.Outcome == CompactionOutcome.Uncleanable)
        {
            _uncleanableReason = e.Message;
            _environment.Notice(
                StorageNoticeKind.CleaningFailed, Directory, $"not cleaned until it is opened anew: {e.Message}");
        }

        return Ended(e.Outcome, state);
    }

    private void StopIfChanged(int cuts, CancellationToken stop)
    {
        if (_isClosed || _isFailed || stop.IsCancellationRequested || Volatile.Read(ref _cuts) != cuts)
        {
            throw new CompactionStoppedException(CompactionOutcome.Aborted, "the log changed or cleaning was stopped");
        }
    }

    private CleanableState Measure(LogSegment[] segments)
    {
        var config = _config;
        var now = _environment.NowMs;
        var firstDirty = FirstDirtyOffset();
        var stable = Offsets.LastStable;
        var (dirty, uncleanable) = (FloorSegment(segments, firstDirty), FloorSegment(segments, stable));
        if (config.MinCompactionLagMs > 0)
        {
            for (var i = dirty; i < uncleanable; i++)
            {
                if (TimeOf(segments[i]) > now - config.MinCompactionLagMs)
                {
                    uncleanable = i;
                    break;
                }
            }
        }

        var firstUncleanable = segments[uncleanable].BaseOffset;
        var (clean, cleanable, overdue) = (0L, 0L, false);
        for (var i = 0; i < uncleanable; i++)
        {
            if (i < dirty)
            {
                clean += segments[i].Size;
                continue;
            }

            cleanable += segments[i].Size;
            overdue |= config.MaxCompactionLagMs != long.MaxValue
                && FirstTimeOf(segments[i]) is > 0 and var first && now - first > config.MaxCompactionLagMs;
        }

        return new CleanableState(Math.Min(firstDirty, firstUncleanable), firstUncleanable, clean, cleanable, overdue);
    }

    private static long FirstTimeOf(LogSegment segment)
    {
        segment.LoadFirstBatchTimestamp();
        return segment.FirstBatchTimestamp;
    }

    // A checkpoint that cannot be right starts over.
    private long FirstDirtyOffset()
    {
        var checkpoint = CleanerCheckpoint;
        return checkpoint < Offsets.LogStart || checkpoint > Offsets.LogEnd ? Offsets.LogStart : checkpoint;
    }

    private Dictionary<long, LastOfProducer> LastOfProducers() =>
        _producers.All.ToDictionary(p => p.ProducerId, p => new LastOfProducer(p.LastDataOffset, p.Epoch));

    /// <summary>Entries lie with their markers, which may come later than the segments.</summary>
    private List<AbortedTransaction> AbortedOver(CompactionInput input)
    {
        var from = input.Segments[0].BaseOffset;
        var result = new List<AbortedTransaction>();
        foreach (var segment in _segments)
        {
            if (segment.BaseOffset >= from)
            {
                result.AddRange(segment.TransactionIndex.ReadAll()
                    .Where(t => t.LastOffset >= from && t.FirstOffset < input.State.FirstUncleanableOffset));
            }
        }

        return result;
    }

    private bool SwapIn(IReadOnlyList<LogSegment> group, CleanedSegment cleaned, int cuts)
    {
        lock (_swapGate)
        {
            lock (_gate)
            {
                var at = Array.IndexOf(_segments, group[0]);
                if (_isFailed || _isClosed || _cuts != cuts || at < 0
                    || !_segments.AsSpan(at, Math.Min(group.Count, _segments.Length - at)).SequenceEqual([.. group]))
                {
                    return false;
                }

                // From here on the new segment counts, in memory and on disk.
                SegmentSwap.Commit(cleaned.Segment);
                cleaned.Take();
                _segments = [.. _segments[..at], cleaned.Segment, .. _segments[(at + group.Count)..]];
            }

            CompleteSwap(group, cleaned.Segment);
            return true;
        }
    }

    private void CompleteSwap(IReadOnlyList<LogSegment> group, LogSegment cleaned)
    {
        try
        {
            var paths = SegmentSwap.Complete(_environment, Directory, group, cleaned);
            var due = _environment.NowMs + _config.FileDeleteDelayMs;
            var left = group.Count;
            foreach (var segment in group)
            {
                segment.Retire(() =>
                {
                    if (Interlocked.Decrement(ref left) == 0)
                    {
                        paths.ForEach(p => _environment.Deletions.Add(p, isDirectory: false, due));
                    }
                });
            }
        }
        catch (IOException e)
        {
            Poison(Directory, e);
            throw new CompactionStoppedException(CompactionOutcome.Aborted, e.Message);
        }
    }

    private void MoveCleanerCheckpoint(long offset, int cuts)
    {
        lock (_gate)
        {
            if (_cuts == cuts)
            {
                CleanerCheckpoint = offset;
            }
        }

        TryWriteCheckpoints();
    }

    private bool TryWriteCheckpoints()
    {
        try
        {
            CheckpointsMustBeWritten?.Invoke();
            return true;
        }
        catch (IOException e)
        {
            _environment.Notice(StorageNoticeKind.CleaningFailed, Directory, e.Message);
            return false;
        }
    }

    /// <summary>No round runs any more: it sees that the log is closed.</summary>
    private void WaitForCompaction()
    {
        lock (_compactionGate)
        {
            // Whoever held it is out.
        }
    }
}
