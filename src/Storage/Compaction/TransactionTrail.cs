using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Follows transactions while batches go by in the order of the log: which batch belongs to an aborted one, and which
/// marker ends a transaction that has no data left.
/// </summary>
internal sealed class TransactionTrail
{
    private readonly List<AbortedTransaction> _aborted;
    private readonly Dictionary<long, Ongoing> _ongoingAborted = [];
    private readonly HashSet<long> _ongoingCommitted = [];
    private int _next;

    /// <param name="aborted">The aborted transactions that touch the range.</param>
    public TransactionTrail(List<AbortedTransaction> aborted)
    {
        _aborted = aborted;
        aborted.Sort(static (a, b) => a.FirstOffset.CompareTo(b.FirstOffset));
    }

    /// <summary>Aborted transactions whose marker went by while some of their data is still there.</summary>
    public Action<AbortedTransaction>? Kept { get; set; }

    /// <summary>A data batch goes by.</summary>
    /// <returns>True if it belongs to an aborted transaction: its records are void.</returns>
    public bool EnterBatch(in RecordBatchInfo batch)
    {
        Advance(batch.LastOffset);
        if (!batch.IsTransactional)
        {
            return false;
        }

        if (_ongoingAborted.TryGetValue(batch.ProducerId, out var ongoing))
        {
            ongoing.HasData = true;
            return true;
        }

        _ongoingCommitted.Add(batch.ProducerId);
        return false;
    }

    /// <summary>A control batch goes by.</summary>
    /// <returns>True if its transaction has no data any more: the marker may go once its time has come.</returns>
    public bool EnterMarker(in RecordBatchInfo batch, ReadOnlySpan<byte> records)
    {
        Advance(batch.LastOffset);
        if (batch.RecordCount == 0 || !ControlRecord.TryRead(batch, records, out var control))
        {
            // One that was emptied by an earlier round says nothing any more.
            return batch.RecordCount == 0;
        }

        if (control.Type == ControlType.Commit)
        {
            return !_ongoingCommitted.Remove(batch.ProducerId);
        }

        if (control.Type != ControlType.Abort)
        {
            return false;
        }

        if (_ongoingAborted.Remove(batch.ProducerId, out var ongoing) && ongoing.HasData)
        {
            Kept?.Invoke(ongoing.Transaction);
            return false;
        }

        return true;
    }

    private void Advance(long offset)
    {
        while (_next < _aborted.Count && _aborted[_next].FirstOffset <= offset)
        {
            var transaction = _aborted[_next++];
            _ongoingAborted.TryAdd(transaction.ProducerId, new Ongoing(transaction));
        }
    }

    private sealed class Ongoing(AbortedTransaction transaction)
    {
        public AbortedTransaction Transaction { get; } = transaction;

        public bool HasData { get; set; }
    }
}
