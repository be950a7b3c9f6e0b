namespace Orleans.Kafka.Protocol.Records;

/// <summary>
/// Reads the records of one batch from their uncompressed bytes (for a codec other than none: from what the codec
/// gave). Keys, values and headers are handed out as spans into those bytes. Never throws on bad input:
/// <see cref="Next"/> returns false and <see cref="Failed"/> says that it was not the end.
/// </summary>
public ref struct RecordReader
{
    private ReadOnlySpan<byte> _left;
    private ReadOnlySpan<byte> _headers;
    private int _headersLeft;
    private readonly RecordBatchInfo _batch;
    private int _read;

    /// <summary>Starts in front of the first record.</summary>
    /// <param name="batch">The batch's header, for count, base offset and base timestamp.</param>
    /// <param name="records">The bytes behind the header, uncompressed.</param>
    public RecordReader(in RecordBatchInfo batch, ReadOnlySpan<byte> records)
    {
        _batch = batch;
        _left = records;
    }

    /// <summary>The bytes do not hold what the header promises.</summary>
    public bool Failed { get; private set; }

    /// <summary>Which record of the batch this is, from 0.</summary>
    public readonly int Index => _read - 1;

    /// <summary>Offset minus the batch's base offset.</summary>
    public int OffsetDelta { get; private set; }

    /// <summary>Offset, as of the batch's base offset.</summary>
    public readonly long Offset => _batch.BaseOffset + OffsetDelta;

    /// <summary>Timestamp (ms): the record's own, or the batch's append time.</summary>
    public readonly long Timestamp => _batch.IsLogAppendTime ? _batch.MaxTimestamp : OwnTimestamp;

    /// <summary>The record's own timestamp (ms), whatever the batch's timestamp type.</summary>
    public long OwnTimestamp { get; private set; }

    /// <summary>The key is null.</summary>
    public bool KeyIsNull { get; private set; }

    /// <summary>The key; empty for null.</summary>
    public ReadOnlySpan<byte> Key { get; private set; }

    /// <summary>The value is null: a tombstone.</summary>
    public bool ValueIsNull { get; private set; }

    /// <summary>The value; empty for null.</summary>
    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>How many headers the record has.</summary>
    public int HeaderCount { get; private set; }

    /// <summary>Bytes behind the last record: more than 0 means that the count is wrong.</summary>
    public readonly int BytesLeft => _left.Length;

    /// <summary>Steps to the next record; false at the end or when <see cref="Failed"/>.</summary>
    public bool Next()
    {
        if (Failed || _read >= _batch.RecordCount)
        {
            return false;
        }

        if (!RecordVarint.TryRead(ref _left, out int length) || length < 0 || length > _left.Length)
        {
            return Fail();
        }

        var record = _left[..length];
        _left = _left[length..];
        _read++;
        return ReadRecord(record) || Fail();
    }

    /// <summary>Reads the next header of the current record; false behind the last.</summary>
    public bool NextHeader(out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value, out bool valueIsNull)
    {
        key = default;
        value = default;
        valueIsNull = false;
        if (_headersLeft <= 0)
        {
            return false;
        }

        _headersLeft--;
        return (TryReadBytes(ref _headers, out key, out var keyIsNull) && !keyIsNull
            && TryReadBytes(ref _headers, out value, out valueIsNull)) || Fail();
    }

    private bool ReadRecord(ReadOnlySpan<byte> record)
    {
        if (record.IsEmpty)
        {
            return false;
        }

        record = record[1..];
        if (!RecordVarint.TryRead(ref record, out long timestampDelta)
            || !RecordVarint.TryRead(ref record, out int offsetDelta)
            || !TryReadBytes(ref record, out var key, out var keyIsNull)
            || !TryReadBytes(ref record, out var value, out var valueIsNull)
            || !RecordVarint.TryRead(ref record, out int headerCount)
            || headerCount < 0 || headerCount > record.Length)
        {
            return false;
        }

        OwnTimestamp = _batch.BaseTimestamp + timestampDelta;
        OffsetDelta = offsetDelta;
        Key = key;
        KeyIsNull = keyIsNull;
        Value = value;
        ValueIsNull = valueIsNull;
        HeaderCount = headerCount;
        _headersLeft = headerCount;
        _headers = record;
        return headerCount > 0 ? HeadersFit(record, headerCount) : record.IsEmpty;
    }

    private static bool HeadersFit(ReadOnlySpan<byte> headers, int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (!TryReadBytes(ref headers, out _, out var keyIsNull) || keyIsNull
                || !TryReadBytes(ref headers, out _, out _))
            {
                return false;
            }
        }

        return headers.IsEmpty;
    }

    private static bool TryReadBytes(
        scoped ref ReadOnlySpan<byte> from, out ReadOnlySpan<byte> bytes, out bool isNull)
    {
        bytes = default;
        isNull = false;
        if (!RecordVarint.TryRead(ref from, out int length) || length > from.Length)
        {
            return false;
        }

        if (length < 0)
        {
            isNull = true;
            return length == -1;
        }

        bytes = from[..length];
        from = from[length..];
        return true;
    }

    private bool Fail()
    {
        Failed = true;
        return false;
    }
}
