namespace Orleans.Kafka.Storage.Tests.Producers;

/// <summary>Something a producer, or a coordinator in its name, wants to have appended.</summary>
internal sealed record ProducerWrite(
    long ProducerId, short Epoch, int Sequence, int Count, bool IsTransactional, long Timestamp)
{
    /// <summary>Null for data; else a marker, and whether it commits.</summary>
    public bool? Commits { get; init; }

    public int CoordinatorEpoch { get; init; }

    public short TransactionVersion { get; init; }

    // Counted one by one: that is what a sequence is.
    public int LastSequence
    {
        get
        {
            var sequence = Sequence;
            for (var i = 1; i < Count; i++)
            {
                sequence = ProducerModel.Next(sequence);
            }

            return sequence;
        }
    }

    public byte[] Bytes() => Commits is { } commits
        ? Batches.Marker(ProducerId, Epoch, commits, CoordinatorEpoch, Timestamp)
        : Batches.Idempotent(ProducerId, Epoch, Sequence, Count, IsTransactional, Timestamp);
}

/// <summary>
/// Kafka's rules of producers in the simplest form: the whole history in a list, and what follows from it for each
/// producer. Knows nothing of snapshots, segments or files.
/// </summary>
internal sealed class ProducerModel
{
    private const int Remembered = 5;
    private readonly List<(long Offset, ProducerWrite Write)> _history = [];
    private Dictionary<long, Known> _known = [];

    public long End { get; private set; }

    public IReadOnlyDictionary<long, Known> Producers => _known;

    public static int Next(int sequence) => sequence == int.MaxValue ? 0 : sequence + 1;

    /// <summary>First offsets of what is open, or ended at or above the high watermark.</summary>
    public long LastStable(long highWatermark, long logStart)
    {
        var unstable = Transactions().Where(t => t.Marker < 0 || t.Marker >= highWatermark)
            .Select(t => t.First).DefaultIfEmpty(long.MaxValue).Min();
        return Math.Max(logStart, Math.Min(unstable, highWatermark));
    }

    /// <summary>Base offsets of the batches that a reader of committed data sees.</summary>
    public List<long> Committed(long logStart, long lastStable)
    {
        var aborted = Transactions().Where(t => t.Marker >= 0 && !t.IsCommitted).ToList();
        return
        [
            .. _history.Where(h => h.Write.Commits is null && h.Offset + h.Write.Count > logStart
                    && h.Offset + h.Write.Count <= lastStable
                    && !(h.Write.IsTransactional && aborted.Exists(t =>
                        t.Producer == h.Write.ProducerId && h.Offset >= t.First && h.Offset < t.Marker)))
                .Select(h => h.Offset),
        ];
    }

    /// <summary>What Kafka answers; appends if it does.</summary>
    /// <param name="write">What comes.</param>
    /// <param name="answered">
    /// The log took it for a duplicate of what lies there: where it need not remember that, it may; -1 if it did not.
    /// </param>
    public (ErrorCode Error, long Offset) Offer(ProducerWrite write, long answered)
    {
        var known = _known.GetValueOrDefault(write.ProducerId);
        if (write.Commits is not null)
        {
            return Answer(known is null ? ErrorCode.None : CheckMarker(write, known), write);
        }

        if (known is not null && known.Epoch == write.Epoch)
        {
            // A producer that was forgotten in between may have written the same twice.
            var same = known.Batches.Where(b => b.First == write.Sequence && b.Last == write.LastSequence).ToList();
            if (same.Exists(b => b.Offset == answered || known.Batches.IndexOf(b) < known.Sure))
            {
                return (ErrorCode.None, same.Exists(b => b.Offset == answered) ? answered : same[0].Offset);
            }
        }

        return Answer(Check(write, known), write);
    }

    public void Accept(ProducerWrite write)
    {
        Enter(write, End);
        _history.Add((End, write));
        End += write.Count;
    }

    /// <summary>The log was opened anew, or cut: of each producer only the last batch is sure to be known.</summary>
    public void Rebuild(long end)
    {
        _history.RemoveAll(h => h.Offset + h.Write.Count > end);
        End = end;
        _known = [];
        foreach (var (offset, write) in _history)
        {
            Enter(write, offset);
        }

        foreach (var known in _known.Values)
        {
            known.Sure = Math.Min(1, known.Batches.Count);
        }
    }

    /// <summary>
    /// Takes over what the log says of a producer, if it follows from what that one did since a moment when it could be
    /// forgotten for its age.
    /// </summary>
    public bool TryAdopt(long id, ActiveProducer found)
    {
        var writes = _history.Where(h => h.Write.ProducerId == id).ToList();
        for (var from = 1; from < writes.Count; from++)
        {
            _known.Remove(id);
            writes[..from].ForEach(w => Enter(w.Write, w.Offset));
            if (_known[id].TransactionFirst >= 0)
            {
                continue;
            }

            _known.Remove(id);
            writes[from..].ForEach(w => Enter(w.Write, w.Offset));
            _known[id].Sure = Math.Min(1, _known[id].Batches.Count);
            if (_known[id].Describe(id) == found)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>All knowledge of what lies in front of an offset is lost.</summary>
    public void ForgetBefore(long offset)
    {
        _history.RemoveAll(h => h.Offset < offset);
        Rebuild(End);
    }

    public void Clear(long offset)
    {
        _history.Clear();
        Rebuild(offset);
    }

    public void Forget(long producerId) => _known.Remove(producerId);

    public static bool IsExpired(Known known, long now, long expiration) =>
        known.TransactionFirst < 0 && now - known.LastTimestamp >= expiration;

    private static ErrorCode CheckMarker(ProducerWrite write, Known known)
    {
        var isOld = write.TransactionVersion < 2
            ? write.Epoch < known.Epoch
            : write.Epoch < known.Epoch || (write.Epoch == known.Epoch && known.TransactionFirst >= 0);
        return isOld ? ErrorCode.InvalidProducerEpoch
            : write.CoordinatorEpoch < known.CoordinatorEpoch ? ErrorCode.TransactionCoordinatorFenced
            : ErrorCode.None;
    }

    private static ErrorCode Check(ProducerWrite write, Known? known)
    {
        if (known is null)
        {
            return write is { TransactionVersion: >= 2, IsTransactional: true, Sequence: not 0 }
                ? ErrorCode.OutOfOrderSequenceNumber
                : ErrorCode.None;
        }

        if (write.Epoch < known.Epoch)
        {
            return ErrorCode.InvalidProducerEpoch;
        }

        var due = write.Epoch > known.Epoch || known.Batches.Count == 0 ? 0 : Next(known.Batches[0].Last);
        return write.Sequence != due ? ErrorCode.OutOfOrderSequenceNumber
            : known.TransactionFirst >= 0 && !write.IsTransactional ? ErrorCode.InvalidTxnState
            : ErrorCode.None;
    }

    private (ErrorCode Error, long Offset) Answer(ErrorCode error, ProducerWrite write)
    {
        if (error != ErrorCode.None)
        {
            return (error, -1);
        }

        Accept(write);
        return (error, End - write.Count);
    }

    private void Enter(ProducerWrite write, long offset)
    {
        if (!_known.TryGetValue(write.ProducerId, out var known))
        {
            _known[write.ProducerId] = known = new Known();
        }

        if (known.Epoch != write.Epoch)
        {
            known.Epoch = write.Epoch;
            known.Batches.Clear();
            known.Sure = 0;
        }

        known.LastOffset = offset;
        if (write.Commits is not null)
        {
            (known.CoordinatorEpoch, known.TransactionFirst, known.LastTimestamp) =
                (write.CoordinatorEpoch, -1, write.Timestamp);
            return;
        }

        // The newest first.
        known.Batches.Insert(0, (write.Sequence, write.LastSequence, offset));
        known.Batches.RemoveRange(Math.Min(Remembered, known.Batches.Count), Math.Max(0, known.Batches.Count - Remembered));
        known.Sure = Math.Min(Remembered, known.Sure + 1);
        known.LastTimestamp = write.Timestamp + write.Count - 1;
        known.TransactionFirst = known.TransactionFirst < 0 && write.IsTransactional ? offset : known.TransactionFirst;
    }

    private List<(long Producer, long First, long Marker, bool IsCommitted)> Transactions()
    {
        var open = new Dictionary<long, long>();
        var all = new List<(long Producer, long First, long Marker, bool IsCommitted)>();
        foreach (var (offset, write) in _history)
        {
            if (write.Commits is null && write.IsTransactional)
            {
                open.TryAdd(write.ProducerId, offset);
            }
            else if (write.Commits is { } commits && open.Remove(write.ProducerId, out var first))
            {
                all.Add((write.ProducerId, first, offset, commits));
            }
        }

        all.AddRange(open.Select(o => (o.Key, o.Value, -1L, false)));
        return all;
    }

    internal sealed class Known
    {
        public short Epoch { get; set; } = -1;

        public int CoordinatorEpoch { get; set; } = -1;

        public long LastTimestamp { get; set; } = -1;

        public long TransactionFirst { get; set; } = -1;

        /// <summary>Of its last batch or marker.</summary>
        public long LastOffset { get; set; } = -1;

        public List<(int First, int Last, long Offset)> Batches { get; } = [];

        /// <summary>How many of them the log must know.</summary>
        public int Sure { get; set; }

        public ActiveProducer Describe(long id) => new(
            id, Epoch, Batches.Count > 0 ? Batches[0].Last : -1, LastTimestamp, CoordinatorEpoch, TransactionFirst);
    }
}
