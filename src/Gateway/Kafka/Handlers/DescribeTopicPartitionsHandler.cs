using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// DescribeTopicPartitions, version 0 (KIP-966): topics page by page, sorted by name, at most
/// <c>max.request.partition.size.limit</c> partitions a page.
/// </summary>
internal sealed class DescribeTopicPartitionsHandler(BrokerView broker)
    : RequestHandler<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>
{
    protected override ValueTask<DescribeTopicPartitionsResponse?> HandleAsync(
        RequestContext context, DescribeTopicPartitionsRequest request)
    {
        MetadataImage image = broker.Metadata;
        var response = new DescribeTopicPartitionsResponse();
        if (request.Cursor is { } cursor && !IsPossible(cursor, request))
        {
            response.Topics.AddRange(request.Topics.Select(topic => Failed(topic.Name, ErrorCode.InvalidRequest)));
            return new(response);
        }

        string? from = request.Cursor?.TopicName;
        IEnumerable<string> names = request.Topics.Count > 0 ? request.Topics.Select(topic => topic.Name) : image.Topics.Keys;
        int left = Math.Max(1, Math.Min(request.ResponsePartitionLimit, broker.Settings.RequestPartitionsMax));
        foreach (string name in names.Distinct().Order(StringComparer.Ordinal))
        {
            int order = from is null ? 1 : string.CompareOrdinal(name, from);
            if (order < 0)
            {
                continue;
            }

            if (left == 0)
            {
                response.NextCursor = new() { TopicName = name, PartitionIndex = 0 };
                break;
            }

            int firstPartition = order == 0 ? Math.Max(0, request.Cursor!.PartitionIndex) : 0;
            DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic topic =
                Describe(name, image, firstPartition, ref left, out int next);
            response.Topics.Add(topic);
            if (next >= 0)
            {
                response.NextCursor = new() { TopicName = name, PartitionIndex = next };
                break;
            }
        }

        return new(response);
    }

    /// <summary>Whether an answer to this request can have ended where the client wants to go on.</summary>
    private static bool IsPossible(
        DescribeTopicPartitionsRequest.PageCursor cursor, DescribeTopicPartitionsRequest request) =>
        cursor.PartitionIndex >= 0
        && (request.Topics.Count == 0 || request.Topics.Exists(topic => topic.Name == cursor.TopicName));

    private static DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic Failed(
        string name, ErrorCode error) => new()
        {
            Name = name,
            ErrorCode = error,
            IsInternal = TopicName.IsInternal(name),
        };

    private DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic Describe(
        string name, MetadataImage image, int firstPartition, ref int left, out int next)
    {
        next = -1;
        DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic described = Failed(name, ErrorCode.None);
        described.TopicAuthorizedOperations = AuthorizedOperations.OnTopic;
        if (!image.Topics.TryGetValue(name, out TopicImage? topic))
        {
            described.ErrorCode = (TopicName.Fault(name) is null
                ? ErrorCode.UnknownTopicOrPartition
                : ErrorCode.InvalidTopicException);
            return described;
        }

        described.TopicId = topic.Id.ToKafkaUuid();
        for (int i = firstPartition; i < topic.Partitions.Length; i++)
        {
            if (left == 0)
            {
                next = i;
                break;
            }

            left--;
            described.Partitions.Add(Describe(topic.Partitions[i]));
        }

        return described;
    }

    private DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition Describe(PartitionImage partition)
    {
        int leader = broker.LiveLeader(partition);
        return new()
        {
            ErrorCode = leader >= 0 ? ErrorCode.None : ErrorCode.LeaderNotAvailable,
            PartitionIndex = partition.Partition,
            LeaderId = leader,
            LeaderEpoch = partition.LeaderEpoch,
            ReplicaNodes = [.. partition.Replicas],
            IsrNodes = [.. partition.InSyncReplicas],
            EligibleLeaderReplicas = [],
            LastKnownElr = [],
            OfflineReplicas = [.. broker.OfflineReplicas(partition)],
        };
    }
}
