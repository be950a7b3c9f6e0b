using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// OffsetFetch, versions 1-10: what a group has committed; v2 can ask for everything, v8 for several groups at once, v10
/// names topics by id.
/// </summary>
internal sealed class OffsetFetchHandler(BrokerView broker, GroupCalls groups)
    : RequestHandler<OffsetFetchRequest, OffsetFetchResponse>
{
    private const short GroupErrorFirstVersion = 2;
    private const short ManyGroupsFirstVersion = 8;
    private const short TopicIdFirstVersion = 10;

    protected override async ValueTask<OffsetFetchResponse?> HandleAsync(RequestContext context, OffsetFetchRequest request)
    {
        var response = new OffsetFetchResponse();
        if (context.ApiVersion >= ManyGroupsFirstVersion)
        {
            foreach (OffsetFetchRequest.OffsetFetchRequestGroup wanted in request.Groups)
            {
                response.Groups.Add(await FetchAsync(wanted, context.ApiVersion));
            }

            return response;
        }

        var group = new OffsetFetchRequest.OffsetFetchRequestGroup { GroupId = request.GroupId, Topics = TopicsOf(request) };
        OffsetFetchResponse.OffsetFetchResponseGroup found = await FetchAsync(group, context.ApiVersion);
        if (found.ErrorCode != ErrorCode.None && context.ApiVersion >= GroupErrorFirstVersion)
        {
            response.ErrorCode = found.ErrorCode;
            return response;
        }

        response.Topics.AddRange(found.Topics.Select(topic => ToOldForm(topic, found.ErrorCode)));
        return response;
    }

    private static List<OffsetFetchRequest.OffsetFetchRequestTopics>? TopicsOf(OffsetFetchRequest request) =>
        request.Topics?.ConvertAll(topic => new OffsetFetchRequest.OffsetFetchRequestTopics
        {
            Name = topic.Name,
            PartitionIndexes = topic.PartitionIndexes,
        });

    private static OffsetFetchResponse.OffsetFetchResponseTopic ToOldForm(
        OffsetFetchResponse.OffsetFetchResponseTopics topic, ErrorCode groupError) => new()
        {
            Name = topic.Name,
            Partitions = topic.Partitions.ConvertAll(partition => new OffsetFetchResponse.OffsetFetchResponsePartition
            {
                PartitionIndex = partition.PartitionIndex,
                CommittedOffset = partition.CommittedOffset,
                CommittedLeaderEpoch = partition.CommittedLeaderEpoch,
                Metadata = partition.Metadata,
                ErrorCode = groupError != ErrorCode.None ? groupError : partition.ErrorCode,
            }),
        };

    private static OffsetFetchResponse.OffsetFetchResponsePartitions PartitionOf(GroupOffset offset) => new()
    {
        PartitionIndex = offset.Partition,
        CommittedOffset = offset.Offset,
        CommittedLeaderEpoch = offset.LeaderEpoch,
        Metadata = offset.Metadata,
    };

    private static OffsetFetchResponse.OffsetFetchResponsePartitions Nothing(int partition, ErrorCode error) => new()
    {
        PartitionIndex = partition,
        CommittedOffset = -1,
        CommittedLeaderEpoch = -1,
        Metadata = "",
        ErrorCode = error,
    };

    private async Task<OffsetFetchResponse.OffsetFetchResponseGroup> FetchAsync(
        OffsetFetchRequest.OffsetFetchRequestGroup wanted, short version)
    {
        MetadataImage metadata = broker.Metadata;
        var response = new OffsetFetchResponse.OffsetFetchResponseGroup { GroupId = wanted.GroupId };
        GroupPartitionName[]? names = wanted.Topics is null ? null : NamesOf(wanted.Topics, metadata, version);
        GroupOffset[] offsets = await FetchAsync(wanted, names, response);
        if (response.ErrorCode != ErrorCode.None)
        {
            if (version < GroupErrorFirstVersion)
            {
                response.Topics.AddRange(wanted.Topics?.Select(topic => Unanswered(topic, ErrorCode.None)) ?? []);
            }

            return response;
        }

        if (wanted.Topics is null)
        {
            AddAll(response, offsets, metadata, version);
        }
        else
        {
            AddWanted(response, wanted.Topics, offsets, metadata, version);
        }

        return response;
    }

    /// <summary>Members of the consumer protocol say who they are (v9).</summary>
    private async Task<GroupOffset[]> FetchAsync(
        OffsetFetchRequest.OffsetFetchRequestGroup wanted,
        GroupPartitionName[]? names,
        OffsetFetchResponse.OffsetFetchResponseGroup response)
    {
        var fetch = new GroupFetch { MemberId = wanted.MemberId, MemberEpoch = wanted.MemberEpoch, Wanted = names };
        GroupFetchReply reply = await groups.CallAsync(
            wanted.GroupId,
            group => group.FetchMemberOffsetsAsync(fetch),
            static error => new GroupFetchReply { Error = (short)error });
        response.ErrorCode = (ErrorCode)reply.Error;
        return reply.Offsets;
    }

    private static OffsetFetchResponse.OffsetFetchResponseTopics Unanswered(
        OffsetFetchRequest.OffsetFetchRequestTopics topic, ErrorCode error) => new()
        {
            Name = topic.Name,
            TopicId = topic.TopicId,
            Partitions = topic.PartitionIndexes.ConvertAll(partition => Nothing(partition, error)),
        };

    /// <summary>The topic's name; null for an id that nobody has.</summary>
    private static string? NameOf(OffsetFetchRequest.OffsetFetchRequestTopics topic, MetadataImage metadata, short version) =>
        version < TopicIdFirstVersion ? topic.Name : metadata.TopicsById.GetValueOrDefault(topic.TopicId.ToGuid())?.Name;

    private static GroupPartitionName[] NamesOf(
        List<OffsetFetchRequest.OffsetFetchRequestTopics> topics, MetadataImage metadata, short version) =>
        [.. topics.SelectMany(topic => NameOf(topic, metadata, version) is { } name
            ? topic.PartitionIndexes.Select(partition => new GroupPartitionName
            {
                Topic = name,
                Partition = partition,
                TopicId = metadata.Topics.GetValueOrDefault(name)?.Id ?? Guid.Empty,
            })
            : [])];

    private static void AddWanted(
        OffsetFetchResponse.OffsetFetchResponseGroup response,
        List<OffsetFetchRequest.OffsetFetchRequestTopics> wanted,
        GroupOffset[] offsets,
        MetadataImage metadata,
        short version)
    {
        int next = 0;
        foreach (OffsetFetchRequest.OffsetFetchRequestTopics topic in wanted)
        {
            if (NameOf(topic, metadata, version) is null)
            {
                response.Topics.Add(Unanswered(topic, ErrorCode.UnknownTopicId));
                continue;
            }

            var answered = new OffsetFetchResponse.OffsetFetchResponseTopics { Name = topic.Name, TopicId = topic.TopicId };
            answered.Partitions.AddRange(offsets.AsSpan(next, topic.PartitionIndexes.Count).ToArray().Select(PartitionOf));
            next += topic.PartitionIndexes.Count;
            response.Topics.Add(answered);
        }
    }

    private static void AddAll(
        OffsetFetchResponse.OffsetFetchResponseGroup response, GroupOffset[] offsets, MetadataImage metadata, short version)
    {
        foreach (IGrouping<string, GroupOffset> topic in offsets.GroupBy(offset => offset.Topic))
        {
            Guid? id = metadata.Topics.GetValueOrDefault(topic.Key)?.Id;
            if (id is null && version >= TopicIdFirstVersion)
            {
                continue;
            }

            var answered = new OffsetFetchResponse.OffsetFetchResponseTopics
            {
                Name = topic.Key,
                TopicId = id?.ToKafkaUuid() ?? KafkaUuid.Zero,
            };
            answered.Partitions.AddRange(topic
                .Where(offset => id is null || offset.TopicId == Guid.Empty || offset.TopicId == id)
                .Select(PartitionOf));
            if (answered.Partitions.Count > 0)
            {
                response.Topics.Add(answered);
            }
        }
    }
}
