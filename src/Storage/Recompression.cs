using System.Buffers;
using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Puts a client's batch into the codec that its topic asks for (<c>compression.type</c>). Offsets, timestamps and the
/// producer's fields stay; the header's largest timestamp is made right, as all records are seen.
/// </summary>
internal static class Recompression
{
    /// <summary>True if the topic wants another codec than the batch has.</summary>
    public static bool IsNeeded(in RecordBatchInfo batch, LogConfig config) =>
        config.Compression is { } codec && (int)codec != batch.Codec && !batch.IsControl;

    /// <summary>Gives the append new bytes of its own.</summary>
    /// <returns>False if the records cannot be unpacked; then nothing has changed.</returns>
    public static bool TryApply(
        LogAppend append, in RecordBatchInfo batch, in ReadOnlySequence<byte> bytes, LogConfig config)
    {
        var codec = config.Compression!.Value;
        var records = bytes.Slice(RecordBatchHeader.Size);
        using var unpacked = new DecompressionBuffer();
        if (!Compressions.TryDecompress(
                (CompressionCodec)batch.Codec, records, RecordChecks.MaxUncompressedBytes, unpacked))
        {
            return false;
        }

        var packed = new ArrayBufferWriter<byte>(RecordBatchHeader.Size + Math.Max(64, unpacked.Length / 2));
        bytes.Slice(0, RecordBatchHeader.Size).CopyTo(packed.GetSpan(RecordBatchHeader.Size));
        packed.Advance(RecordBatchHeader.Size);
        Compressions.TryCompress(
            codec, new ReadOnlySequence<byte>(unpacked.WrittenMemory), packed, LevelOf(codec, config));
        var whole = packed.WrittenSpan.ToArray();
        var attributes = (batch.Attributes & ~RecordBatchHeader.CodecMask) | (int)codec;
        BinaryPrimitives.WriteInt32BigEndian(
            whole.AsSpan(RecordBatchHeader.LengthAt), whole.Length - RecordBatchHeader.LengthOverhead);
        BinaryPrimitives.WriteInt16BigEndian(whole.AsSpan(RecordBatchHeader.AttributesAt), (short)attributes);
        BinaryPrimitives.WriteInt64BigEndian(
            whole.AsSpan(RecordBatchHeader.MaxTimestampAt), MaxTimestamp(batch, unpacked.Written));
        RecordBatchHeader.Seal(whole);
        append.Records = new ReadOnlySequence<byte>(whole);
        append.IsRecompressed = true;
        return true;
    }

    private static int? LevelOf(CompressionCodec codec, LogConfig config) => codec switch
    {
        CompressionCodec.Gzip => config.GzipLevel,
        CompressionCodec.Lz4 => config.Lz4Level,
        CompressionCodec.Zstd => config.ZstdLevel,
        _ => null,
    };

    private static long MaxTimestamp(in RecordBatchInfo batch, ReadOnlySpan<byte> records)
    {
        var max = -1L;
        var record = new RecordWalker(records, batch.RecordCount);
        while (record.Next())
        {
            max = Math.Max(max, batch.BaseTimestamp + record.TimestampDelta);
        }

        return max;
    }
}
