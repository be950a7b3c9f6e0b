using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// OffsetCommit, versions 2-10; v10 names topics by id. Offsets of partitions that are not there are refused here, the
/// rest is the group's to take. Acknowledged offsets are in the log.
/// </summary>
internal sealed class OffsetCommitHandler(BrokerView broker, GroupCalls groups)
    : RequestHandler<OffsetCommitRequest, OffsetCommitResponse>
{
    private const short TopicIdFirstVersion = 10;

    protected override async ValueTask<OffsetCommitResponse?> HandleAsync(
        RequestContext context, OffsetCommitRequest request)
    {
        MetadataImage metadata = broker.Metadata;
        var response = new OffsetCommitResponse();
        var offsets = new List<GroupOffset>();
        var asked = new List<OffsetCommitResponse.OffsetCommitResponsePartition>();
        foreach (OffsetCommitRequest.OffsetCommitRequestTopic wanted in request.Topics)
        {
            TopicImage? topic = Find(metadata, wanted, context.ApiVersion);
            var answered = new OffsetCommitResponse.OffsetCommitResponseTopic { Name = wanted.Name, TopicId = wanted.TopicId };
            response.Topics.Add(answered);
            foreach (OffsetCommitRequest.OffsetCommitRequestPartition partition in wanted.Partitions)
            {
                var answer = new OffsetCommitResponse.OffsetCommitResponsePartition { PartitionIndex = partition.PartitionIndex };
                answered.Partitions.Add(answer);
                if (topic is null || (uint)partition.PartitionIndex >= (uint)topic.Partitions.Length)
                {
                    answer.ErrorCode = topic is null && context.ApiVersion >= TopicIdFirstVersion
                        ? ErrorCode.UnknownTopicId
                        : ErrorCode.UnknownTopicOrPartition;
                    continue;
                }

                asked.Add(answer);
                offsets.Add(OffsetOf(topic, partition));
            }
        }

        if (offsets.Count > 0)
        {
            await CommitAsync(context, request, offsets, asked);
        }

        return response;
    }

    private static TopicImage? Find(
        MetadataImage metadata, OffsetCommitRequest.OffsetCommitRequestTopic wanted, short version) =>
        version >= TopicIdFirstVersion
            ? metadata.TopicsById.GetValueOrDefault(wanted.TopicId.ToGuid())
            : metadata.Topics.GetValueOrDefault(wanted.Name);

    private static GroupOffset OffsetOf(TopicImage topic, OffsetCommitRequest.OffsetCommitRequestPartition partition) => new()
    {
        Topic = topic.Name,
        Partition = partition.PartitionIndex,
        TopicId = topic.Id,
        Offset = partition.CommittedOffset,
        LeaderEpoch = partition.CommittedLeaderEpoch,
        Metadata = partition.CommittedMetadata ?? "",
    };

    private async Task CommitAsync(
        RequestContext context,
        OffsetCommitRequest request,
        List<GroupOffset> offsets,
        List<OffsetCommitResponse.OffsetCommitResponsePartition> asked)
    {
        var commit = new GroupCommit
        {
            Member = new GroupIdentity { MemberId = request.MemberId, InstanceId = request.GroupInstanceId },
            Generation = request.GenerationIdOrMemberEpoch,
            Version = context.ApiVersion,
            RetentionTimeMs = request.RetentionTimeMs,
            Offsets = [.. offsets],
        };
        short[] errors = await groups.CallAsync(
            request.GroupId,
            group => group.CommitAsync(commit),
            error => [.. Enumerable.Repeat((short)error, offsets.Count)]);
        for (int i = 0; i < errors.Length; i++)
        {
            asked[i].ErrorCode = (ErrorCode)errors[i];
        }
    }
}
