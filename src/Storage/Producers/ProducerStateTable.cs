using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// The producers of one partition: sequence checks (KIP-98), duplicates, open transactions and the first unstable
/// offset. Takes no memory while no idempotent producer has written. Not thread-safe: the log's writer owns it.
/// </summary>
internal sealed class ProducerStateTable
{
    private Dictionary<long, ProducerState>? _producers;
    private SortedDictionary<long, long>? _open;
    private SortedDictionary<long, long>? _decided;

    public int Count => _producers?.Count ?? 0;

    public IEnumerable<ProducerState> All => _producers?.Values ?? Enumerable.Empty<ProducerState>();

    /// <summary>
    /// First offset of all transactions that are open or whose marker is not below the high watermark yet; -1 for none.
    /// </summary>
    public long FirstUnstableOffset
    {
        get
        {
            var open = FirstKey(_open);
            var decided = FirstKey(_decided);
            return open < 0 ? decided : decided < 0 ? open : Math.Min(open, decided);
        }
    }

    public bool TryGet(long producerId, out ProducerState state)
    {
        state = null!;
        return _producers is not null && _producers.TryGetValue(producerId, out state!);
    }

    /// <summary>Finds the batch that a client's data batch is a duplicate of.</summary>
    public bool TryFindDuplicate(in RecordBatchInfo batch, out ProducerBatch duplicate)
    {
        duplicate = default;
        return TryGet(batch.ProducerId, out var state) && state.TryFindDuplicate(batch, out duplicate);
    }

    /// <summary>
    /// Checks a data batch that is no duplicate. A coordinator writes in the name of producers (offsets of a
    /// transaction) without sequences.
    /// </summary>
    /// <param name="batch">The batch as it came.</param>
    /// <param name="isClient">It has sequences.</param>
    /// <param name="transactionVersion">2 for a transaction of KIP-890: it must start with sequence 0.</param>
    /// <returns>47, 45, 48 or none.</returns>
    public ErrorCode Check(in RecordBatchInfo batch, bool isClient, short transactionVersion)
    {
        if (!TryGet(batch.ProducerId, out var state))
        {
            return isClient && transactionVersion >= 2 && batch.IsTransactional && batch.BaseSequence != 0
                ? ErrorCode.OutOfOrderSequenceNumber
                : ErrorCode.None;
        }

        if (batch.ProducerEpoch < state.Epoch)
        {
            return ErrorCode.InvalidProducerEpoch;
        }

        if (isClient && !IsInSequence(batch, state))
        {
            return ErrorCode.OutOfOrderSequenceNumber;
        }

        return state.TransactionFirstOffset >= 0 && !batch.IsTransactional
            ? ErrorCode.InvalidTxnState
            : ErrorCode.None;
    }

    /// <summary>Enters a data batch at its final offsets.</summary>
    public void Enter(in RecordBatchInfo batch)
    {
        var state = GetOrAdd(batch.ProducerId);
        state.AddBatch(
            batch.ProducerEpoch,
            new ProducerBatch(batch.LastSequence, batch.LastOffset, batch.LastOffsetDelta, batch.MaxTimestamp));
        if (batch.IsTransactional && state.TransactionFirstOffset < 0)
        {
            state.TransactionFirstOffset = batch.BaseOffset;
            (_open ??= [])[batch.BaseOffset] = batch.ProducerId;
        }
    }

    /// <summary>Checks an end-of-transaction marker.</summary>
    /// <returns>47, 52 or none.</returns>
    public ErrorCode CheckMarker(in RecordBatchInfo batch, ControlRecord control, short transactionVersion)
    {
        if (!TryGet(batch.ProducerId, out var state))
        {
            return ErrorCode.None;
        }

        if (batch.ProducerEpoch < state.Epoch
            || (transactionVersion >= 2 && batch.ProducerEpoch == state.Epoch && state.TransactionFirstOffset >= 0))
        {
            return ErrorCode.InvalidProducerEpoch;
        }

        return control.CoordinatorEpoch < state.CoordinatorEpoch
            ? ErrorCode.TransactionCoordinatorFenced
            : ErrorCode.None;
    }

    /// <summary>Enters an end-of-transaction marker at its final offset.</summary>
    /// <returns>The transaction that it aborted, or null.</returns>
    public AbortedTransaction? EnterMarker(in RecordBatchInfo batch, ControlRecord control)
    {
        var state = GetOrAdd(batch.ProducerId);
        state.SetEpoch(batch.ProducerEpoch);
        state.CoordinatorEpoch = control.CoordinatorEpoch;
        state.LastTimestamp = batch.MaxTimestamp;
        var first = state.TransactionFirstOffset;
        if (first < 0)
        {
            return null;
        }

        state.TransactionFirstOffset = -1;
        _open?.Remove(first);
        (_decided ??= [])[first] = batch.LastOffset;
        if (control.Type != ControlType.Abort)
        {
            return null;
        }

        var stillOpen = FirstKey(_open);
        return new AbortedTransaction(
            batch.ProducerId, first, batch.LastOffset, stillOpen < 0 ? batch.LastOffset + 1 : stillOpen);
    }

    /// <summary>Forgets decided transactions whose marker is below the high watermark.</summary>
    public void HighWatermarkMoved(long highWatermark)
    {
        while (_decided is { Count: > 0 })
        {
            using var first = _decided.GetEnumerator();
            first.MoveNext();
            if (first.Current.Value >= highWatermark)
            {
                return;
            }

            _decided.Remove(first.Current.Key);
        }
    }

    /// <summary>Forgets producers that wrote nothing for long; open transactions stay.</summary>
    public int RemoveExpired(long nowMs, long expirationMs)
    {
        var removed = 0;
        foreach (var state in All)
        {
            // A dictionary may lose entries while it is walked.
            if (state.IsExpired(nowMs, expirationMs) && _producers!.Remove(state.ProducerId))
            {
                removed++;
            }
        }

        return removed;
    }

    public void Clear()
    {
        _producers = null;
        _open = null;
        _decided = null;
    }

    /// <summary>
    /// Knows the producers that another table knows, and no others. Which transactions were decided lately it still knows:
    /// no snapshot tells that.
    /// </summary>
    public void TakeOver(ProducerStateTable other)
    {
        _producers = other._producers;
        _open = other._open;
    }

    /// <summary>Takes over which transactions were decided lately.</summary>
    public void TakeDecided(ProducerStateTable other) => _decided = other._decided;

    /// <summary>Takes a producer from a snapshot.</summary>
    public void Restore(ProducerState state)
    {
        (_producers ??= [])[state.ProducerId] = state;
        if (state.TransactionFirstOffset >= 0)
        {
            (_open ??= [])[state.TransactionFirstOffset] = state.ProducerId;
        }
    }

    private static bool IsInSequence(in RecordBatchInfo batch, ProducerState state) =>
        state.Epoch < 0 || (batch.ProducerEpoch == state.Epoch
            ? ProducerSequence.Follows(state.LastSequence, batch.BaseSequence)
            : batch.BaseSequence == 0);

    private static long FirstKey(SortedDictionary<long, long>? map)
    {
        if (map is not { Count: > 0 })
        {
            return -1;
        }

        using var first = map.GetEnumerator();
        first.MoveNext();
        return first.Current.Key;
    }

    private ProducerState GetOrAdd(long producerId)
    {
        if (!TryGet(producerId, out var state))
        {
            state = new ProducerState(producerId);
            (_producers ??= [])[producerId] = state;
        }

        return state;
    }
}
