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
    private readonly BatchKeys _keys = new(map);

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
        hasTombstones = false;
        var tombstonesStay = !batch.HasDeleteHorizon || nowMs < batch.BaseTimestamp;
        var kept = 0;
        _keys.Read(source);
        foreach (ref var key in _keys.Keys)
        {
            key.Stays = IsKept(key, batch.BaseOffset + key.OffsetDelta, tombstonesStay);
            if (key.Stays)
            {
                kept++;
                hasTombstones |= key.ValueIsNull;
            }
        }

        return kept;
    }

    private bool IsKept(in RecordKey key, long offset, bool tombstonesStay)
    {
        if (offset > map.LatestOffset)
        {
            return true;
        }

        if (key.KeyIsNull)
        {
            RecordsWithoutKey++;
            return false;
        }

        return offset >= map.OffsetOf(key.Hash) && (!key.ValueIsNull || tombstonesStay);
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
        var keys = _keys.Keys;
        for (var i = 0; record.Next(); i++)
        {
            if (batch.IsControl || keys[i].Stays)
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
