using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Records;

/// <summary>A batch header, read. Layout and meaning: <see cref="RecordBatchHeader"/>.</summary>
public readonly struct RecordBatchInfo
{
    /// <summary>Reads a header of format 2 from at least <see cref="RecordBatchHeader.Size"/> bytes.</summary>
    public RecordBatchInfo(ReadOnlySpan<byte> header)
    {
        header = header[..RecordBatchHeader.Size];
        BaseOffset = BinaryPrimitives.ReadInt64BigEndian(header);
        Size = BinaryPrimitives.ReadInt32BigEndian(header[RecordBatchHeader.LengthAt..])
            + RecordBatchHeader.LengthOverhead;
        LeaderEpoch = BinaryPrimitives.ReadInt32BigEndian(header[RecordBatchHeader.LeaderEpochAt..]);
        Crc = BinaryPrimitives.ReadUInt32BigEndian(header[RecordBatchHeader.CrcAt..]);
        Attributes = BinaryPrimitives.ReadInt16BigEndian(header[RecordBatchHeader.AttributesAt..]);
        LastOffsetDelta = BinaryPrimitives.ReadInt32BigEndian(header[RecordBatchHeader.LastOffsetDeltaAt..]);
        BaseTimestamp = BinaryPrimitives.ReadInt64BigEndian(header[RecordBatchHeader.BaseTimestampAt..]);
        MaxTimestamp = BinaryPrimitives.ReadInt64BigEndian(header[RecordBatchHeader.MaxTimestampAt..]);
        ProducerId = BinaryPrimitives.ReadInt64BigEndian(header[RecordBatchHeader.ProducerIdAt..]);
        ProducerEpoch = BinaryPrimitives.ReadInt16BigEndian(header[RecordBatchHeader.ProducerEpochAt..]);
        BaseSequence = BinaryPrimitives.ReadInt32BigEndian(header[RecordBatchHeader.BaseSequenceAt..]);
        RecordCount = BinaryPrimitives.ReadInt32BigEndian(header[RecordBatchHeader.RecordCountAt..]);
    }

    /// <summary>Offset of the first record the batch was written with.</summary>
    public long BaseOffset { get; }

    /// <summary>Bytes of the whole batch, header included.</summary>
    public int Size { get; }

    /// <summary>Epoch of the leader that appended it.</summary>
    public int LeaderEpoch { get; }

    /// <summary>The stored CRC-32C.</summary>
    public uint Crc { get; }

    /// <summary>The attribute bits.</summary>
    public short Attributes { get; }

    /// <summary>Last offset minus base offset; compaction keeps it.</summary>
    public int LastOffsetDelta { get; }

    /// <summary>Timestamp (ms) that the records' deltas count from.</summary>
    public long BaseTimestamp { get; }

    /// <summary>Largest timestamp (ms) of the batch.</summary>
    public long MaxTimestamp { get; }

    /// <summary>Producer id, -1 for none.</summary>
    public long ProducerId { get; }

    /// <summary>Producer epoch, -1 for none.</summary>
    public short ProducerEpoch { get; }

    /// <summary>Sequence of the first record, -1 for none.</summary>
    public int BaseSequence { get; }

    /// <summary>Records in the batch; 0 is possible after compaction.</summary>
    public int RecordCount { get; }

    /// <summary>Offset of the last record the batch was written with.</summary>
    public long LastOffset => BaseOffset + LastOffsetDelta;

    /// <summary>The offset that follows the batch.</summary>
    public long NextOffset => BaseOffset + LastOffsetDelta + 1;

    /// <summary>Codec number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; 5-7 are nobody's.</summary>
    public int Codec => Attributes & RecordBatchHeader.CodecMask;

    /// <summary>Timestamps are append times.</summary>
    public bool IsLogAppendTime => (Attributes & RecordBatchHeader.LogAppendTimeFlag) != 0;

    /// <summary>Part of a transaction.</summary>
    public bool IsTransactional => (Attributes & RecordBatchHeader.TransactionalFlag) != 0;

    /// <summary>Holds a control record instead of data.</summary>
    public bool IsControl => (Attributes & RecordBatchHeader.ControlFlag) != 0;

    /// <summary>The base timestamp is a delete horizon.</summary>
    public bool HasDeleteHorizon => (Attributes & RecordBatchHeader.DeleteHorizonFlag) != 0;

    /// <summary>Comes from an idempotent or transactional producer.</summary>
    public bool HasProducerId => ProducerId >= 0;

    /// <summary>Sequence of the last record: it wraps from 2^31-1 to 0. -1 for none.</summary>
    public int LastSequence => BaseSequence < 0 ? -1 : ProducerSequence.Add(BaseSequence, LastOffsetDelta);
}
