using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// OffsetForLeaderEpoch, versions 2-4 (KIP-101, KIP-320): where the records of a leader epoch end, by which a
/// consumer or follower finds out that its log was cut.
/// </summary>
internal sealed class OffsetForLeaderEpochHandler(BrokerView broker)
    : RequestHandler<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>
{
    protected override ValueTask<OffsetForLeaderEpochResponse?> HandleAsync(
        RequestContext context, OffsetForLeaderEpochRequest request)
    {
        MetadataImage metadata = broker.Metadata;
        var response = new OffsetForLeaderEpochResponse();
        foreach (OffsetForLeaderEpochRequest.OffsetForLeaderTopic asked in request.Topics)
        {
            metadata.Topics.TryGetValue(asked.Topic, out TopicImage? topic);
            var answer = new OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult { Topic = asked.Topic };
            response.Topics.Add(answer);
            foreach (OffsetForLeaderEpochRequest.OffsetForLeaderPartition partition in asked.Partitions)
            {
                answer.Partitions.Add(Answer(topic, partition));
            }
        }

        return new(response);
    }

    private OffsetForLeaderEpochResponse.EpochEndOffset Answer(
        TopicImage? topic, OffsetForLeaderEpochRequest.OffsetForLeaderPartition asked)
    {
        ErrorCode error = broker.FindLeader(topic, asked.Partition, asked.CurrentLeaderEpoch, out Replica? replica);
        var answer = new OffsetForLeaderEpochResponse.EpochEndOffset
        {
            Partition = asked.Partition,
            ErrorCode = error,
            LeaderEpoch = -1,
            EndOffset = -1,
        };
        if (error == ErrorCode.None)
        {
            (answer.LeaderEpoch, answer.EndOffset) = replica!.Log.EndOffsetForEpoch(asked.LeaderEpoch);
        }

        return answer;
    }
}
