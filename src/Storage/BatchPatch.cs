using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>Writes a batch's place in the log into the memory it was received in.</summary>
internal static class BatchPatch
{
    /// <summary>
    /// Sets base offset and leader epoch, and for LogAppendTime time, flag and CRC. A batch that claims LogAppendTime
    /// where the topic has the producers' times loses that flag.
    /// </summary>
    /// <param name="bytes">The batch.</param>
    /// <param name="batch">Its header as it came.</param>
    /// <param name="baseOffset">Its first offset.</param>
    /// <param name="leaderEpoch">The leader's epoch.</param>
    /// <param name="appendTimeMs">The append time, or -1 to leave the producer's times.</param>
    /// <returns>The header as it is now.</returns>
    public static RecordBatchInfo Apply(
        in ReadOnlySequence<byte> bytes, in RecordBatchInfo batch, long baseOffset, int leaderEpoch, long appendTimeMs)
    {
        if (bytes.FirstSpan.Length >= RecordBatchHeader.Size)
        {
            var header = MemoryMarshal.AsMemory(bytes.First).Span[..RecordBatchHeader.Size];
            Patch(header, bytes, batch, baseOffset, leaderEpoch, appendTimeMs);
            return new RecordBatchInfo(header);
        }

        Span<byte> copy = stackalloc byte[RecordBatchHeader.Size];
        bytes.Slice(0, RecordBatchHeader.Size).CopyTo(copy);
        Patch(copy, bytes, batch, baseOffset, leaderEpoch, appendTimeMs);
        var rest = copy;
        foreach (var piece in bytes)
        {
            var count = Math.Min(rest.Length, piece.Length);
            rest[..count].CopyTo(MemoryMarshal.AsMemory(piece).Span);
            rest = rest[count..];
            if (rest.IsEmpty)
            {
                break;
            }
        }

        return new RecordBatchInfo(copy);
    }

    private static void Patch(
        Span<byte> header,
        in ReadOnlySequence<byte> bytes,
        in RecordBatchInfo batch,
        long baseOffset,
        int leaderEpoch,
        long appendTimeMs)
    {
        RecordBatchHeader.SetPlace(header, baseOffset, leaderEpoch);
        var claimsAppendTime = (batch.Attributes & RecordBatchHeader.LogAppendTimeFlag) != 0;
        if (appendTimeMs < 0 && !claimsAppendTime)
        {
            return;
        }

        // Time and flag lie under the CRC: it has to be computed anew over header and records.
        var attributes = appendTimeMs < 0
            ? batch.Attributes & ~RecordBatchHeader.LogAppendTimeFlag
            : batch.Attributes | RecordBatchHeader.LogAppendTimeFlag;
        BinaryPrimitives.WriteInt16BigEndian(header[RecordBatchHeader.AttributesAt..], (short)attributes);
        if (appendTimeMs >= 0)
        {
            BinaryPrimitives.WriteInt64BigEndian(header[RecordBatchHeader.MaxTimestampAt..], appendTimeMs);
        }

        var crc = Crc32C.Compute(header[RecordBatchHeader.AttributesAt..]);
        foreach (var piece in bytes.Slice(RecordBatchHeader.Size))
        {
            crc = Crc32C.Append(crc, piece.Span);
        }

        BinaryPrimitives.WriteUInt32BigEndian(header[RecordBatchHeader.CrcAt..], crc);
    }
}
