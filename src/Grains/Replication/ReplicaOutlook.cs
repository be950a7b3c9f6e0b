using System.Buffers;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>A place in a partition.</summary>
[GenerateSerializer, Immutable, Alias("kafka.PartitionPosition")]
public sealed record PartitionPosition
{
    /// <summary>The topic.</summary>
    [Id(0)] public required Guid TopicId { get; init; }

    /// <summary>The partition.</summary>
    [Id(1)] public required int Partition { get; init; }

    /// <summary>The offset of the next record to read.</summary>
    [Id(2)] public required long Offset { get; init; }
}

/// <summary>What a reader at a place has before it.</summary>
[GenerateSerializer, Immutable, Alias("kafka.PartitionOutlook")]
public sealed record PartitionOutlook
{
    /// <summary>The partition is not led here, or cannot be read.</summary>
    public static PartitionOutlook Unknown { get; } = new() { HighWatermark = -1 };

    /// <summary>Where readers must stop; -1 when that is not known.</summary>
    [Id(0)] public required long HighWatermark { get; init; }

    /// <summary>
    /// The timestamp of the next record, in milliseconds since 1970; in a batch of uncommon size the largest of the batch.
    /// -1 when there is no next record.
    /// </summary>
    [Id(1)] public long NextTimestampMs { get; init; } = -1;
}

/// <summary>
/// Looks ahead in the partitions that this broker leads: one look into an index, one at a batch's head and, where that
/// does not say it, one into the batch.
/// </summary>
internal static class ReplicaOutlook
{
    /// <summary>Larger batches are not read: what is to be known is not worth it.</summary>
    private const int BatchSizeMax = 4 << 20;

    private const int DecompressedSizeMax = 64 << 20;

    /// <summary>So many batches are looked at for a record.</summary>
    private const int BatchesMax = 4;

    /// <summary>What lies before a reader.</summary>
    public static PartitionOutlook Of(LocalReplicas replicas, PartitionPosition position)
    {
        if (!replicas.TryGet(position.TopicId, position.Partition, out Replica? replica) || !replica.Role.IsLeader)
        {
            return PartitionOutlook.Unknown;
        }

        LogOffsets offsets = replica.Log.Offsets;
        long next = Math.Max(position.Offset, offsets.LogStart);
        return new PartitionOutlook
        {
            HighWatermark = offsets.HighWatermark,
            NextTimestampMs = next < offsets.HighWatermark ? TimestampAt(replica.Log, next, offsets.HighWatermark) : -1,
        };
    }

    private static long TimestampAt(PartitionLog log, long offset, long highWatermark)
    {
        Span<byte> header = stackalloc byte[RecordBatchHeader.Size];

        // A batch may have lost its last records to compaction: then the next one is looked at.
        for (int batches = 0; batches < BatchesMax && offset < highWatermark; batches++)
        {
            LogRead read = log.Read(offset, RecordBatchHeader.Size, highWatermark, atLeastOneBatch: true);
            try
            {
                if (read.Error != ErrorCode.None || read.CopyTo(header) < header.Length)
                {
                    return -1;
                }

                var batch = new RecordBatchInfo(header);
                if (TimestampIn(batch, read, offset) is >= 0 and var timestamp)
                {
                    return timestamp;
                }

                offset = batch.NextOffset;
            }
            finally
            {
                read.Release();
            }
        }

        return -1;
    }

    /// <summary>The timestamp of the first record of a batch from an offset on; -1 when there is none.</summary>
    private static long TimestampIn(in RecordBatchInfo batch, LogRead read, long offset)
    {
        if (batch.IsLogAppendTime || batch.Size > BatchSizeMax)
        {
            return batch.MaxTimestamp;
        }

        if (offset <= batch.BaseOffset && !batch.HasDeleteHorizon)
        {
            return batch.BaseTimestamp;
        }

        byte[] bytes = ArrayPool<byte>.Shared.Rent(batch.Size);
        try
        {
            return read.CopyTo(bytes.AsSpan(0, batch.Size)) < batch.Size
                ? -1
                : TimestampIn(batch, bytes.AsMemory(RecordBatchHeader.Size, batch.Size - RecordBatchHeader.Size), offset);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private static long TimestampIn(in RecordBatchInfo batch, ReadOnlyMemory<byte> records, long offset)
    {
        if (batch.Codec == 0)
        {
            return TimestampIn(batch, records.Span, offset);
        }

        using var buffer = new DecompressionBuffer();
        return Compressions.TryDecompress(
            (CompressionCodec)batch.Codec, new ReadOnlySequence<byte>(records), DecompressedSizeMax, buffer)
            ? TimestampIn(batch, buffer.Written, offset)
            : batch.MaxTimestamp;
    }

    private static long TimestampIn(in RecordBatchInfo batch, ReadOnlySpan<byte> records, long offset)
    {
        var reader = new RecordReader(batch, records);
        while (reader.Next())
        {
            if (reader.Offset >= offset)
            {
                return reader.Timestamp;
            }
        }

        return -1;
    }
}
