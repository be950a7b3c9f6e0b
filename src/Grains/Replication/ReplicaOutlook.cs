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
    /// The timestamp of the next record's batch, in milliseconds since 1970: its first record's, or the largest where the
    /// log has no other. -1 when there is no next record.
    /// </summary>
    [Id(1)] public long NextTimestampMs { get; init; } = -1;
}

/// <summary>Looks ahead in the partitions that this broker leads: one look into an index and one into a batch's head.</summary>
internal static class ReplicaOutlook
{
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
        LogRead read = log.Read(offset, RecordBatchHeader.Size, highWatermark, atLeastOneBatch: true);
        try
        {
            Span<byte> header = stackalloc byte[RecordBatchHeader.Size];
            if (read.Error != ErrorCode.None || read.CopyTo(header) < header.Length)
            {
                return -1;
            }

            var batch = new RecordBatchInfo(header);
            return batch.IsLogAppendTime || batch.HasDeleteHorizon ? batch.MaxTimestamp : batch.BaseTimestamp;
        }
        finally
        {
            read.Release();
        }
    }
}
