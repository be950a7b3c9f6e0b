namespace Orleans.Kafka.Storage;

/// <summary>
/// The keys of the records of one batch, hashed. Their slots in the map are asked of the memory while the batch is
/// gone through, all at once: one after the other they would each cost a wait. Reusable.
/// </summary>
internal sealed class BatchKeys(KeyOffsetMap map)
{
    private RecordKey[] _keys = [];
    private int _count;

    /// <summary>One for each record, in order; what is written into them stays until the next <see cref="Read"/>.</summary>
    public Span<RecordKey> Keys => _keys.AsSpan(0, _count);

    /// <summary>Takes the current batch of a source.</summary>
    public void Read(BatchSource source)
    {
        var count = source.Batch.RecordCount;
        if (_keys.Length < count)
        {
            _keys = new RecordKey[Math.Max(count, Math.Max(64, _keys.Length * 2))];
        }

        _count = 0;
        var record = new RecordWalker(source.Records(), count);
        while (record.Next())
        {
            ref var key = ref _keys[_count++];
            key.OffsetDelta = record.OffsetDelta;
            key.KeyIsNull = record.KeyIsNull;
            key.ValueIsNull = record.ValueIsNull;
            if (!record.KeyIsNull)
            {
                key.Hash = map.Hash(record.Key);
                map.Prefetch(key.Hash);
            }
        }

        if (record.Failed)
        {
            throw source.Damaged($"offset {source.Batch.BaseOffset}: the records are not what the header says");
        }
    }
}

/// <summary>What matters of a record for the choice whether it stays.</summary>
internal struct RecordKey
{
    public KeyHash Hash;
    public int OffsetDelta;
    public bool KeyIsNull;
    public bool ValueIsNull;
    public bool Stays;
}
