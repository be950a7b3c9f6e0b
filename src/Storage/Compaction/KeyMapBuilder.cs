namespace Orleans.Kafka.Storage;

/// <summary>Fills the key map from the dirty segments, as far as it has room.</summary>
internal static class KeyMapBuilder
{
    /// <summary>Collects the keys of [from, upTo). Aborted records and markers have none that count.</summary>
    public static void Build(
        KeyOffsetMap map, IReadOnlyList<LogSegment> segments, TransactionTrail trail, BatchSource source, long from, long upTo)
    {
        var keys = new BatchKeys(map);
        for (var i = 0; i < segments.Count; i++)
        {
            var next = i + 1 < segments.Count ? segments[i + 1].BaseOffset : upTo;
            if (next <= from)
            {
                continue;
            }

            source.Open(segments[i], from);
            while (source.Next())
            {
                if (!AddBatch(map, keys, trail, source, from))
                {
                    return;
                }
            }

            // Offsets that an earlier round took out count as seen.
            map.ReachedOffset(next - 1);
        }
    }

    private static bool AddBatch(
        KeyOffsetMap map, BatchKeys keys, TransactionTrail trail, BatchSource source, long from)
    {
        var batch = source.Batch;
        if (batch.IsControl)
        {
            trail.EnterMarker(batch, source.Records());
        }
        else if (!trail.EnterBatch(batch) && batch.LastOffset >= from)
        {
            keys.Read(source);
            foreach (ref readonly var key in keys.Keys)
            {
                var offset = batch.BaseOffset + key.OffsetDelta;
                if (key.KeyIsNull || offset < from)
                {
                    continue;
                }

                if (!map.TryPut(key.Hash, offset))
                {
                    // Whole up to the record in front: what is behind stays for the next round.
                    map.ReachedOffset(offset - 1);
                    return false;
                }
            }
        }

        if (batch.LastOffset >= from)
        {
            map.ReachedOffset(batch.LastOffset);
        }

        return true;
    }
}
