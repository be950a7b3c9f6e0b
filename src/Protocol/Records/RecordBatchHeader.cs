using System.Buffers;
using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Records;

/// <summary>
/// The 61 bytes in front of every record batch of format 2, the same on the wire and on disk.
/// <code>
///  0        8    12    16 17   21  23    27       35       43       51 53   57    61
///  +--------+----+----+-+----+--+----+--------+--------+--------+--+----+----+---------
///  |base    |len |ldr |m|crc |at|last|base    |max     |producer|ep|base|rec |records
///  |offset  |    |epo |a|32C |tr|off.|time-   |time-   |id      |oc|sequ|cou |(as one block
///  |        |    |ch  |g|    |ib|delt|stamp   |stamp   |        |h |ence|nt  | when compressed)
///  +--------+----+----+-+----+--+----+--------+--------+--------+--+----+----+---------
/// </code>
/// All numbers are big-endian. <c>len</c> counts the bytes behind itself. The CRC covers everything from the
/// attributes to the end, so that a broker may set base offset and leader epoch in place without touching it.
/// </summary>
public static class RecordBatchHeader
{
    /// <summary>Where the base offset (int64) lies.</summary>
    public const int BaseOffsetAt = 0;

    /// <summary>Where the batch length (int32) lies: the bytes that follow this field.</summary>
    public const int LengthAt = 8;

    /// <summary>Where the partition leader epoch (int32) lies.</summary>
    public const int LeaderEpochAt = 12;

    /// <summary>Where the magic byte lies; it is in the same place in the older formats 0 and 1.</summary>
    public const int MagicAt = 16;

    /// <summary>Where the CRC-32C (uint32) lies.</summary>
    public const int CrcAt = 17;

    /// <summary>Where the attributes (int16) lie; the CRC covers the batch from here to its end.</summary>
    public const int AttributesAt = 21;

    /// <summary>Where the last offset delta (int32) lies.</summary>
    public const int LastOffsetDeltaAt = 23;

    /// <summary>Where the base timestamp (int64, ms) lies, or the delete horizon.</summary>
    public const int BaseTimestampAt = 27;

    /// <summary>Where the max timestamp (int64, ms) lies.</summary>
    public const int MaxTimestampAt = 35;

    /// <summary>Where the producer id (int64) lies, -1 for none.</summary>
    public const int ProducerIdAt = 43;

    /// <summary>Where the producer epoch (int16) lies, -1 for none.</summary>
    public const int ProducerEpochAt = 51;

    /// <summary>Where the base sequence (int32) lies, -1 for none.</summary>
    public const int BaseSequenceAt = 53;

    /// <summary>Where the record count (int32) lies.</summary>
    public const int RecordCountAt = 57;

    /// <summary>Bytes of the whole header; the records follow.</summary>
    public const int Size = 61;

    /// <summary>Bytes in front of what <c>length</c> counts.</summary>
    public const int LengthOverhead = 12;

    /// <summary>The least value of <c>length</c> in any format (Kafka's legacy record overhead).</summary>
    public const int MinLengthAnyFormat = 14;

    /// <summary>Bytes up to and including the magic byte: enough to tell a batch's format and size.</summary>
    public const int SizeUpToMagic = 17;

    /// <summary>The only record format that is written today.</summary>
    public const byte CurrentMagic = 2;

    /// <summary>Bits 0-2 of the attributes: the codec.</summary>
    public const short CodecMask = 0x07;

    /// <summary>Bit 3: timestamps are the broker's append time.</summary>
    public const short LogAppendTimeFlag = 0x08;

    /// <summary>Bit 4: the batch belongs to a transaction.</summary>
    public const short TransactionalFlag = 0x10;

    /// <summary>Bit 5: the batch holds a control record.</summary>
    public const short ControlFlag = 0x20;

    /// <summary>Bit 6: the base timestamp is a delete horizon (KIP-534).</summary>
    public const short DeleteHorizonFlag = 0x40;

    /// <summary>The base offset.</summary>
    public static long BaseOffset(ReadOnlySpan<byte> batch) => BinaryPrimitives.ReadInt64BigEndian(batch);

    /// <summary>The length field: bytes behind it. The whole batch is <see cref="LengthOverhead"/> longer.</summary>
    public static int Length(ReadOnlySpan<byte> batch) => BinaryPrimitives.ReadInt32BigEndian(batch[LengthAt..]);

    /// <summary>The partition leader epoch.</summary>
    public static int LeaderEpoch(ReadOnlySpan<byte> batch) =>
        BinaryPrimitives.ReadInt32BigEndian(batch[LeaderEpochAt..]);

    /// <summary>The magic byte.</summary>
    public static byte Magic(ReadOnlySpan<byte> batch) => batch[MagicAt];

    /// <summary>The stored CRC-32C.</summary>
    public static uint Crc(ReadOnlySpan<byte> batch) => BinaryPrimitives.ReadUInt32BigEndian(batch[CrcAt..]);

    /// <summary>The attribute bits.</summary>
    public static short Attributes(ReadOnlySpan<byte> batch) =>
        BinaryPrimitives.ReadInt16BigEndian(batch[AttributesAt..]);

    /// <summary>Sets base offset and leader epoch: both lie outside the CRC.</summary>
    /// <param name="batch">The batch, or at least its first 16 bytes.</param>
    /// <param name="baseOffset">The offset of the first record.</param>
    /// <param name="leaderEpoch">The epoch of the leader that appends.</param>
    public static void SetPlace(Span<byte> batch, long baseOffset, int leaderEpoch)
    {
        BinaryPrimitives.WriteInt64BigEndian(batch, baseOffset);
        BinaryPrimitives.WriteInt32BigEndian(batch[LeaderEpochAt..], leaderEpoch);
    }

    /// <summary>True if the CRC of a whole batch fits its bytes.</summary>
    public static bool HasValidCrc(ReadOnlySpan<byte> batch) => Crc(batch) == Crc32C.Compute(batch[AttributesAt..]);

    /// <summary>True if the CRC of a whole batch, and nothing behind it, fits its bytes.</summary>
    public static bool HasValidCrc(in ReadOnlySequence<byte> batch)
    {
        if (batch.IsSingleSegment)
        {
            return HasValidCrc(batch.FirstSpan);
        }

        Span<byte> stored = stackalloc byte[4];
        batch.Slice(CrcAt, 4).CopyTo(stored);
        return BinaryPrimitives.ReadUInt32BigEndian(stored) == Crc32C.Compute(batch.Slice(AttributesAt));
    }

    /// <summary>Computes the CRC of a whole batch and stores it: needed after any change behind the CRC.</summary>
    public static void Seal(Span<byte> batch) =>
        BinaryPrimitives.WriteUInt32BigEndian(batch[CrcAt..], Crc32C.Compute(batch[AttributesAt..]));
}
