using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Grains.Cluster;

/// <summary>
/// A topic's id is a <see cref="KafkaUuid"/> on the wire and on disk, and a <see cref="Guid"/> in grain calls, which
/// Orleans carries natively. Both have the same sixteen bytes in the same order.
/// </summary>
public static class TopicIds
{
    /// <summary>The id as grains have it.</summary>
    public static Guid ToGuid(this KafkaUuid id)
    {
        Span<byte> bytes = stackalloc byte[KafkaUuid.Size];
        id.Write(bytes);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>The id as clients have it.</summary>
    public static KafkaUuid ToKafkaUuid(this Guid id)
    {
        Span<byte> bytes = stackalloc byte[KafkaUuid.Size];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return KafkaUuid.Read(bytes);
    }
}
