using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Producer state as of an offset, which is the file's name:
/// <code>
///  0       2        6      10
///  +-------+--------+------+--------------------------------------------------------------------------
///  | int16 | uint32 |int32 | count times 46 bytes: producer id i64, epoch i16, last sequence i32,
///  | ver 1 | CRC-32C| count| last offset i64, offset delta i32, timestamp i64, coordinator epoch i32,
///  |       | from 6 |      | first offset of the open transaction i64 (-1 none)
///  +-------+--------+------+--------------------------------------------------------------------------
/// </code>
/// </summary>
internal static class ProducerSnapshot
{
    private const short Version = 1;
    private const int HeaderSize = 10;
    private const int CrcFrom = 6;
    private const int EntrySize = 46;

    /// <summary>Larger files are not believed: that would be a million producers in one partition.</summary>
    public const int MaxBytes = 64 << 20;

    public static byte[] Encode(ProducerStateTable table)
    {
        var bytes = new byte[HeaderSize + (table.Count * EntrySize)];
        BinaryPrimitives.WriteInt16BigEndian(bytes, Version);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(CrcFrom), table.Count);
        var at = HeaderSize;
        foreach (var state in table.All)
        {
            EncodeEntry(state, bytes.AsSpan(at));
            at += EntrySize;
        }

        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(2), Crc32C.Compute(bytes.AsSpan(CrcFrom)));
        return bytes;
    }

    /// <summary>Fills an empty table; false if the bytes are damaged.</summary>
    public static bool TryDecode(
        ReadOnlySpan<byte> bytes, ProducerStateTable table, long nowMs, long expirationMs)
    {
        if (bytes.Length < HeaderSize
            || BinaryPrimitives.ReadInt16BigEndian(bytes) != Version
            || BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]) != Crc32C.Compute(bytes[CrcFrom..]))
        {
            return false;
        }

        var count = BinaryPrimitives.ReadInt32BigEndian(bytes[CrcFrom..]);
        if (count < 0 || bytes.Length != HeaderSize + ((long)count * EntrySize))
        {
            return false;
        }

        for (var i = 0; i < count; i++)
        {
            var state = DecodeEntry(bytes[(HeaderSize + (i * EntrySize))..]);
            if (!state.IsExpired(nowMs, expirationMs))
            {
                table.Restore(state);
            }
        }

        return true;
    }

    private static void EncodeEntry(ProducerState state, Span<byte> target)
    {
        var last = state.HasBatches ? state.LastBatch : new ProducerBatch(-1, -1, 0, state.LastTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(target, state.ProducerId);
        BinaryPrimitives.WriteInt16BigEndian(target[8..], state.Epoch);
        BinaryPrimitives.WriteInt32BigEndian(target[10..], last.LastSequence);
        BinaryPrimitives.WriteInt64BigEndian(target[14..], last.LastOffset);
        BinaryPrimitives.WriteInt32BigEndian(target[22..], last.OffsetDelta);
        BinaryPrimitives.WriteInt64BigEndian(target[26..], state.LastTimestamp);
        BinaryPrimitives.WriteInt32BigEndian(target[34..], state.CoordinatorEpoch);
        BinaryPrimitives.WriteInt64BigEndian(target[38..], state.TransactionFirstOffset);
    }

    private static ProducerState DecodeEntry(ReadOnlySpan<byte> source)
    {
        var state = new ProducerState(BinaryPrimitives.ReadInt64BigEndian(source));
        var epoch = BinaryPrimitives.ReadInt16BigEndian(source[8..]);
        var lastSequence = BinaryPrimitives.ReadInt32BigEndian(source[10..]);
        var lastOffset = BinaryPrimitives.ReadInt64BigEndian(source[14..]);
        var offsetDelta = BinaryPrimitives.ReadInt32BigEndian(source[22..]);
        var timestamp = BinaryPrimitives.ReadInt64BigEndian(source[26..]);
        state.SetEpoch(epoch);
        if (lastOffset >= 0)
        {
            state.AddBatch(epoch, new ProducerBatch(lastSequence, lastOffset, offsetDelta, timestamp));
        }

        state.LastTimestamp = timestamp;
        state.CoordinatorEpoch = BinaryPrimitives.ReadInt32BigEndian(source[34..]);
        state.TransactionFirstOffset = BinaryPrimitives.ReadInt64BigEndian(source[38..]);
        return state;
    }
}
