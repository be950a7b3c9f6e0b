using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Steps over the uncompressed records of a batch whose CRC has been checked, and looks only at what cleaning needs.
/// What lies behind offset and timestamp is handed on as it is.
/// </summary>
internal ref struct RecordWalker(ReadOnlySpan<byte> records, int count)
{
    private ReadOnlySpan<byte> _left = records;
    private int _todo = count;

    /// <summary>The bytes do not hold what the header promises.</summary>
    public bool Failed { get; private set; }

    public byte Attributes { get; private set; }

    public long TimestampDelta { get; private set; }

    public int OffsetDelta { get; private set; }

    /// <summary>From the length of the key to the end of the record.</summary>
    public ReadOnlySpan<byte> Tail { get; private set; }

    public ReadOnlySpan<byte> Key { get; private set; }

    public bool KeyIsNull { get; private set; }

    public bool ValueIsNull { get; private set; }

    public bool Next()
    {
        if (_todo == 0 || Failed)
        {
            return false;
        }

        _todo--;
        if (!RecordVarint.TryRead(ref _left, out int length) || length <= 0 || length > _left.Length)
        {
            return Fail();
        }

        var record = _left[..length];
        _left = _left[length..];
        Attributes = record[0];
        record = record[1..];
        if (!RecordVarint.TryRead(ref record, out long timestampDelta)
            || !RecordVarint.TryRead(ref record, out int offsetDelta))
        {
            return Fail();
        }

        TimestampDelta = timestampDelta;
        OffsetDelta = offsetDelta;
        Tail = record;
        if (!RecordVarint.TryRead(ref record, out int keyLength) || keyLength < -1 || keyLength > record.Length)
        {
            return Fail();
        }

        KeyIsNull = keyLength < 0;
        Key = KeyIsNull ? default : record[..keyLength];
        record = KeyIsNull ? record : record[keyLength..];
        if (!RecordVarint.TryRead(ref record, out int valueLength) || valueLength < -1 || valueLength > record.Length)
        {
            return Fail();
        }

        ValueIsNull = valueLength < 0;
        return true;
    }

    private bool Fail()
    {
        Failed = true;
        return false;
    }
}
