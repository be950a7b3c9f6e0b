using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Records;

/// <summary>
/// Builds one batch of format 2: for tests, transaction markers, coordinators and compaction. Not for the path of
/// client data, which passes through as it came. Reusable after <see cref="Reset"/>; not thread-safe.
/// </summary>
public sealed class RecordBatchBuilder
{
    private byte[] _buffer;
    private int _end;
    private int _count;
    private int _lastDelta;

    /// <summary>An empty batch that starts at offset 0.</summary>
    public RecordBatchBuilder(int capacity = 512)
    {
        _buffer = new byte[Math.Max(capacity, RecordBatchHeader.Size)];
        Reset();
    }

    /// <summary>Offset of the first record.</summary>
    public long BaseOffset { get; set; }

    /// <summary>Epoch of the leader, -1 for none.</summary>
    public int LeaderEpoch { get; set; }

    /// <summary>Producer id, -1 for none.</summary>
    public long ProducerId { get; set; }

    /// <summary>Producer epoch, -1 for none.</summary>
    public short ProducerEpoch { get; set; }

    /// <summary>Sequence of the first record, -1 for none.</summary>
    public int BaseSequence { get; set; }

    /// <summary>Attribute bits, but for the codec: that belongs to whoever compresses.</summary>
    public short Attributes { get; set; }

    /// <summary>Timestamp (ms) that deltas count from; that of the first record unless set.</summary>
    public long BaseTimestamp { get; set; }

    /// <summary>Largest timestamp (ms) so far, -1 without records.</summary>
    public long MaxTimestamp { get; set; }

    /// <summary>Records so far.</summary>
    public int Count => _count;

    /// <summary>Bytes so far, header included.</summary>
    public int Size => _end;

    /// <summary>Empties the builder and sets everything back to its default.</summary>
    public void Reset()
    {
        _end = RecordBatchHeader.Size;
        _count = 0;
        _lastDelta = -1;
        BaseOffset = 0;
        LeaderEpoch = -1;
        ProducerId = -1;
        ProducerEpoch = -1;
        BaseSequence = -1;
        Attributes = 0;
        BaseTimestamp = -1;
        MaxTimestamp = -1;
    }

    /// <summary>Adds a record one offset behind the last. The flags tell null from empty.</summary>
    public void Add(long timestamp, ReadOnlySpan<byte> key, bool keyIsNull, ReadOnlySpan<byte> value, bool valueIsNull)
        => Add(_lastDelta + 1, timestamp, key, keyIsNull, value, valueIsNull, default, 0);

    /// <summary>Adds a record with key and value; null arrays stay null.</summary>
    public void Add(long timestamp, byte[]? key, byte[]? value) =>
        Add(timestamp, key, key is null, value, value is null);

    /// <summary>Adds a record at a given offset delta with headers already in their encoded form.</summary>
    public void Add(
        int offsetDelta,
        long timestamp,
        ReadOnlySpan<byte> key,
        bool keyIsNull,
        ReadOnlySpan<byte> value,
        bool valueIsNull,
        ReadOnlySpan<byte> encodedHeaders,
        int headerCount)
    {
        if (_count == 0 && BaseTimestamp < 0)
        {
            BaseTimestamp = timestamp;
        }

        var timestampDelta = timestamp - BaseTimestamp;
        var keyLength = keyIsNull ? -1 : key.Length;
        var valueLength = valueIsNull ? -1 : value.Length;
        var size = 1 + RecordVarint.SizeOf(timestampDelta) + RecordVarint.SizeOf(offsetDelta)
            + RecordVarint.SizeOf(keyLength) + key.Length + RecordVarint.SizeOf(valueLength) + value.Length
            + RecordVarint.SizeOf(headerCount) + encodedHeaders.Length;
        Reserve(RecordVarint.MaxBytes32 + size);
        PutVarint(size);
        _buffer[_end++] = 0;
        PutVarint(timestampDelta);
        PutVarint(offsetDelta);
        PutVarint(keyLength);
        Put(key);
        PutVarint(valueLength);
        Put(value);
        PutVarint(headerCount);
        Put(encodedHeaders);
        _count++;
        _lastDelta = Math.Max(_lastDelta, offsetDelta);
        MaxTimestamp = Math.Max(MaxTimestamp, timestamp);
    }

    /// <summary>Makes this the control batch that ends a transaction (KIP-98).</summary>
    public void SetEndTransactionMarker(
        long producerId, short producerEpoch, bool commit, int coordinatorEpoch, long timestamp)
    {
        Reset();
        ProducerId = producerId;
        ProducerEpoch = producerEpoch;
        Attributes = RecordBatchHeader.TransactionalFlag | RecordBatchHeader.ControlFlag;
        Span<byte> key = stackalloc byte[4];
        Span<byte> value = stackalloc byte[6];
        BinaryPrimitives.WriteInt16BigEndian(key, 0);
        BinaryPrimitives.WriteInt16BigEndian(key[2..], (short)(commit ? ControlType.Commit : ControlType.Abort));
        BinaryPrimitives.WriteInt16BigEndian(value, 0);
        BinaryPrimitives.WriteInt32BigEndian(value[2..], coordinatorEpoch);
        Add(timestamp, key, keyIsNull: false, value, valueIsNull: false);
    }

    /// <summary>The whole batch, sealed. Valid until the builder is used again.</summary>
    public ReadOnlyMemory<byte> Build() => Build(_lastDelta);

    /// <summary>The whole batch with a last offset delta of its own (compaction keeps the old one).</summary>
    public ReadOnlyMemory<byte> Build(int lastOffsetDelta)
    {
        var header = _buffer.AsSpan(0, RecordBatchHeader.Size);
        BinaryPrimitives.WriteInt32BigEndian(
            header[RecordBatchHeader.LengthAt..], _end - RecordBatchHeader.LengthOverhead);
        RecordBatchHeader.SetPlace(header, BaseOffset, LeaderEpoch);
        header[RecordBatchHeader.MagicAt] = RecordBatchHeader.CurrentMagic;
        BinaryPrimitives.WriteInt16BigEndian(header[RecordBatchHeader.AttributesAt..], Attributes);
        BinaryPrimitives.WriteInt32BigEndian(header[RecordBatchHeader.LastOffsetDeltaAt..], lastOffsetDelta);
        BinaryPrimitives.WriteInt64BigEndian(header[RecordBatchHeader.BaseTimestampAt..], BaseTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(header[RecordBatchHeader.MaxTimestampAt..], MaxTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(header[RecordBatchHeader.ProducerIdAt..], ProducerId);
        BinaryPrimitives.WriteInt16BigEndian(header[RecordBatchHeader.ProducerEpochAt..], ProducerEpoch);
        BinaryPrimitives.WriteInt32BigEndian(header[RecordBatchHeader.BaseSequenceAt..], BaseSequence);
        BinaryPrimitives.WriteInt32BigEndian(header[RecordBatchHeader.RecordCountAt..], _count);
        RecordBatchHeader.Seal(_buffer.AsSpan(0, _end));
        return _buffer.AsMemory(0, _end);
    }

    private void Reserve(int bytes)
    {
        if (_buffer.Length - _end < bytes)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _end + bytes));
        }
    }

    private void PutVarint(long value)
    {
        Reserve(RecordVarint.MaxBytes64);
        _end += RecordVarint.Write(_buffer.AsSpan(_end), value);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(_end));
        _end += bytes.Length;
    }
}
