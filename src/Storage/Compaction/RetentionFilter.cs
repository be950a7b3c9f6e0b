using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Decides what of each batch stays (Kafka's cleaner, KIP-534): the last record of a key, tombstones until their
/// delete horizon, markers until their transaction has no data and their horizon has passed, and an empty batch where
/// a live producer's last sequence would be lost otherwise.
/// </summary>
internal sealed class RetentionFilter(
    KeyOffsetMap map,
    TransactionTrail trail,
    IReadOnlyDictionary<long, LastOfProducer> producers,
    long roundEnd,
    long nowMs,
    long deleteRetentionMs)
{
    private readonly BatchRewriter _rewriter = new();
    private bool[] _keep = [];

    /// <summary>Records gone through.</summary>
    public long RecordsRead { get; private set; }

    /// <summary>Records that stay.</summary>
    public long RecordsKept { get; private set; }

    /// <summary>Records without a key: nobody can say what replaces them, so they go, as in Kafka.</summary>
    public long RecordsWithoutKey { get; private set; }

    /// <summary>What is to be written for the batch at hand; empty if nothing of it stays.</summary>
    public ReadOnlySpan<byte> Apply(BatchSource source)
    {
        var batch = source.Batch;
        RecordsRead += batch.RecordCount;
        bool isVoid;
        var isIdleMarker = false;
        if (batch.IsControl)
        {
            isIdleMarker = trail.EnterMarker(batch, source.Records());
            isVoid = isIdleMarker && batch.HasDeleteHorizon && batch.BaseTimestamp <= nowMs;
        }
        else
        {
            isVoid = trail.EnterBatch(batch);
        }

        var kept = isVoid ? 0 : batch.IsControl ? batch.RecordCount : Choose(source, out isIdleMarker);
        if (kept > 0)
        {
            RecordsKept += kept;
            return Write(source, kept, setHorizon: isIdleMarker && !batch.HasDeleteHorizon);
        }

        // Without it the round's last offset, or the producer's last sequence, would be forgotten.
        return IsLastOfProducer(batch) || batch.NextOffset == roundEnd ? _rewriter.Empty(batch) : default;
    }

    private int Choose(BatchSource source, out bool hasTombstones)
    {
        var batch = source.Batch;
        if (_keep.Length < batch.RecordCount)
        {
            _keep = new bool[Math.Max(batch.RecordCount, _keep.Length * 2)];
        }

        hasTombstones = false;
        var tombstonesStay = !batch.HasDeleteHorizon || nowMs < batch.BaseTimestamp;
        var kept = 0;
        var record = new RecordWalker(source.Records(), batch.RecordCount);
        for (var i = 0; record.Next(); i++)
        {
            var keep = IsKept(record, batch.BaseOffset + record.OffsetDelta, tombstonesStay);
            _keep[i] = keep;
            if (keep)
            {
                kept++;
                hasTombstones |= record.ValueIsNull;
            }
        }

        return record.Failed
            ? throw source.Damaged($"offset {batch.BaseOffset}: the records are not what the header says")
            : kept;
    }

    private bool IsKept(in RecordWalker record, long offset, bool tombstonesStay)
    {
        if (offset > map.LatestOffset)
        {
            return true;
        }

        if (record.KeyIsNull)
        {
            RecordsWithoutKey++;
            return false;
        }

        return offset >= map.OffsetOf(record.Key) && (!record.ValueIsNull || tombstonesStay);
    }

    private ReadOnlySpan<byte> Write(BatchSource source, int kept, bool setHorizon)
    {
        var batch = source.Batch;
        if (kept == batch.RecordCount && !setHorizon)
        {
            return source.Bytes;
        }

        var horizon = setHorizon ? nowMs + deleteRetentionMs : batch.HasDeleteHorizon ? batch.BaseTimestamp : -1;
        _rewriter.Begin(batch, horizon);
        var record = new RecordWalker(source.Records(), batch.RecordCount);
        for (var i = 0; record.Next(); i++)
        {
            if (batch.IsControl || _keep[i])
            {
                _rewriter.Add(record);
            }
        }

        return _rewriter.Finish();
    }

    private bool IsLastOfProducer(in RecordBatchInfo batch) =>
        batch.HasProducerId && producers.TryGetValue(batch.ProducerId, out var last)
        && (last.LastDataOffset >= 0
            ? batch.LastOffset == last.LastDataOffset
            : batch.IsControl && batch.ProducerEpoch == last.Epoch);
}

/// <summary>What must not be forgotten of a live producer.</summary>
/// <param name="LastDataOffset">Last offset of its last batch, -1 if only markers are known.</param>
/// <param name="Epoch">Its epoch.</param>
internal readonly record struct LastOfProducer(long LastDataOffset, short Epoch);
