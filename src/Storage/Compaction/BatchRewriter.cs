using System.Buffers;
using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Writes a batch with fewer records, as Kafka does: offsets, last offset, producer and sequence stay; the base
/// timestamp is the first remaining record's, or the delete horizon; the codec stays. Reusable.
/// </summary>
internal sealed class BatchRewriter
{
    private readonly ArrayBufferWriter<byte> _packed = new(4096);
    private byte[] _buffer = new byte[4096];
    private int _end;
    private int _count;
    private RecordBatchInfo _batch;
    private long _horizon;
    private long _baseTimestamp;
    private long _maxTimestamp;

    /// <summary>Starts a batch in the place of another.</summary>
    /// <param name="batch">The old one.</param>
    /// <param name="deleteHorizonMs">When its tombstones or its marker may go; -1 for none.</param>
    public void Begin(in RecordBatchInfo batch, long deleteHorizonMs)
    {
        _batch = batch;
        _horizon = deleteHorizonMs;
        _end = RecordBatchHeader.Size;
        _count = 0;
        _baseTimestamp = deleteHorizonMs;
        _maxTimestamp = -1;
    }

    /// <summary>Takes over a record.</summary>
    public void Add(in RecordWalker record)
    {
        var timestamp = _batch.IsLogAppendTime ? _batch.MaxTimestamp : _batch.BaseTimestamp + record.TimestampDelta;
        if (_count == 0 && _horizon < 0)
        {
            _baseTimestamp = timestamp;
        }

        var timestampDelta = timestamp - _baseTimestamp;
        var size = 1 + RecordVarint.SizeOf(timestampDelta) + RecordVarint.SizeOf(record.OffsetDelta) + record.Tail.Length;
        Reserve(RecordVarint.MaxBytes32 + size);
        _end += RecordVarint.Write(_buffer.AsSpan(_end), size);
        _buffer[_end++] = record.Attributes;
        _end += RecordVarint.Write(_buffer.AsSpan(_end), timestampDelta);
        _end += RecordVarint.Write(_buffer.AsSpan(_end), record.OffsetDelta);
        record.Tail.CopyTo(_buffer.AsSpan(_end));
        _end += record.Tail.Length;
        _count++;
        _maxTimestamp = Math.Max(_maxTimestamp, timestamp);
    }

    /// <summary>The batch, sealed. Valid until the next <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        var attributes = (short)(_batch.Attributes & ~RecordBatchHeader.DeleteHorizonFlag);
        attributes |= _horizon >= 0 ? RecordBatchHeader.DeleteHorizonFlag : (short)0;
        if (_batch.Codec != 0)
        {
            _packed.ResetWrittenCount();
            var records = new ReadOnlySequence<byte>(_buffer, RecordBatchHeader.Size, _end - RecordBatchHeader.Size);
            Compressions.TryCompress((CompressionCodec)_batch.Codec, records, _packed);
            _end = RecordBatchHeader.Size;
            Reserve(_packed.WrittenCount);
            _packed.WrittenSpan.CopyTo(_buffer.AsSpan(_end));
            _end += _packed.WrittenCount;
        }

        return Seal(attributes, _maxTimestamp);
    }

    /// <summary>A batch without records, which only says where its producer was.</summary>
    public ReadOnlySpan<byte> Empty(RecordBatchInfo batch)
    {
        Begin(batch, -1);
        var kept = RecordBatchHeader.LogAppendTimeFlag | RecordBatchHeader.TransactionalFlag | RecordBatchHeader.ControlFlag;
        return Seal((short)(batch.Attributes & kept), batch.MaxTimestamp);
    }

    private Span<byte> Seal(short attributes, long maxTimestamp)
    {
        var batch = _buffer.AsSpan(0, _end);
        BinaryPrimitives.WriteInt32BigEndian(
            batch[RecordBatchHeader.LengthAt..], _end - RecordBatchHeader.LengthOverhead);
        RecordBatchHeader.SetPlace(batch, _batch.BaseOffset, _batch.LeaderEpoch);
        batch[RecordBatchHeader.MagicAt] = RecordBatchHeader.CurrentMagic;
        BinaryPrimitives.WriteInt16BigEndian(batch[RecordBatchHeader.AttributesAt..], attributes);
        BinaryPrimitives.WriteInt32BigEndian(batch[RecordBatchHeader.LastOffsetDeltaAt..], _batch.LastOffsetDelta);
        BinaryPrimitives.WriteInt64BigEndian(batch[RecordBatchHeader.BaseTimestampAt..], _baseTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(batch[RecordBatchHeader.MaxTimestampAt..], maxTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(batch[RecordBatchHeader.ProducerIdAt..], _batch.ProducerId);
        BinaryPrimitives.WriteInt16BigEndian(batch[RecordBatchHeader.ProducerEpochAt..], _batch.ProducerEpoch);
        BinaryPrimitives.WriteInt32BigEndian(batch[RecordBatchHeader.BaseSequenceAt..], _batch.BaseSequence);
        BinaryPrimitives.WriteInt32BigEndian(batch[RecordBatchHeader.RecordCountAt..], _count);
        RecordBatchHeader.Seal(batch);
        return batch;
    }

    private void Reserve(int bytes)
    {
        if (_buffer.Length - _end < bytes)
        {
            Array.Resize(ref _buffer, (int)Math.Min(Array.MaxLength, Math.Max(_buffer.Length * 2L, _end + (long)bytes)));
        }
    }
}
