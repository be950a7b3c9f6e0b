using System.Buffers;
using System.Buffers.Binary;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>Between sets of partitions and what classic consumers put into their messages.</summary>
internal static class ClassicBytes
{
    /// <summary>
    /// Assignors whose assignments need no data of their own. Clients put some there all the same: librdkafka sends
    /// back what came with the subscription.
    /// </summary>
    private static readonly HashSet<string> KnownAssignors =
        new(StringComparer.Ordinal) { "range", "roundrobin", "sticky", "cooperative-sticky" };

    /// <summary>An assignment in the version in which the member wrote its subscription.</summary>
    public static byte[] Assignment(IEnumerable<TopicIdPartition> partitions, byte[] subscription, MetadataImage image)
    {
        short version = subscription.Length < sizeof(short) ? (short)0 : BinaryPrimitives.ReadInt16BigEndian(subscription);
        version = Math.Clamp(version, ConsumerProtocolAssignment.MinVersion, ConsumerProtocolAssignment.MaxVersion);
        var assignment = new ConsumerProtocolAssignment();
        foreach (GroupTopicPartitions each in PartitionSets.ByTopic(partitions))
        {
            if (image.TopicsById.TryGetValue(each.TopicId, out TopicImage? topic))
            {
                assignment.AssignedPartitions.Add(new ConsumerProtocolAssignment.TopicPartition
                {
                    Topic = topic.Name,
                    Partitions = [.. each.Partitions],
                });
            }
        }

        var output = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(output);
        writer.WriteInt16(version);
        assignment.Write(ref writer, version);
        writer.Complete();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>
    /// The partitions of an assignment, without those of topics that are gone; null when it is not that of a consumer,
    /// or carries data of an assignor of the users' own, which would be lost.
    /// </summary>
    public static HashSet<TopicIdPartition>? ReadAssignment(byte[] bytes, string? protocol, MetadataImage image)
    {
        if (bytes.Length == 0)
        {
            return [];
        }

        if (bytes.Length < sizeof(short))
        {
            return null;
        }

        var reader = new KafkaReader(bytes.AsMemory(sizeof(short)));
        var assignment = new ConsumerProtocolAssignment();
        assignment.Read(ref reader, ConsumerProtocolAssignment.MinVersion);
        bool wouldLose = assignment.UserData is { Length: > 0 } && !KnownAssignors.Contains(protocol ?? "");
        if (reader.Failed || wouldLose)
        {
            return null;
        }

        return [.. assignment.AssignedPartitions.SelectMany(
            each => Resolve(each.Topic, each.Partitions, image))];
    }

    /// <summary>What a member says it has; topics that are gone are left out.</summary>
    public static HashSet<TopicIdPartition> Owned(ConsumerProtocolSubscription subscription, MetadataImage image) =>
        [.. subscription.OwnedPartitions.SelectMany(each => Resolve(each.Topic, each.Partitions, image))];

    private static IEnumerable<TopicIdPartition> Resolve(string name, List<int> partitions, MetadataImage image) =>
        image.Topics.TryGetValue(name, out TopicImage? topic)
            ? partitions.Select(each => new TopicIdPartition(topic.Id, each))
            : [];
}
