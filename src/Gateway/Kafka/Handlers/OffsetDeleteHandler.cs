using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>OffsetDelete, version 0 (KIP-496): forgets offsets of topics that no member subscribes to.</summary>
internal sealed class OffsetDeleteHandler(BrokerView broker, GroupCalls groups)
    : RequestHandler<OffsetDeleteRequest, OffsetDeleteResponse>
{
    protected override async ValueTask<OffsetDeleteResponse?> HandleAsync(
        RequestContext context, OffsetDeleteRequest request)
    {
        if (request.GroupId.Length == 0)
        {
            return new OffsetDeleteResponse { ErrorCode = ErrorCode.InvalidGroupId };
        }

        var known = new List<GroupPartitionName>();
        var unknown = new List<GroupPartitionName>();
        foreach (OffsetDeleteRequest.OffsetDeleteRequestTopic topic in request.Topics)
        {
            int count = broker.Metadata.Topics.GetValueOrDefault(topic.Name)?.Partitions.Length ?? 0;
            foreach (OffsetDeleteRequest.OffsetDeleteRequestPartition partition in topic.Partitions)
            {
                var name = new GroupPartitionName { Topic = topic.Name, Partition = partition.PartitionIndex };
                ((uint)name.Partition < (uint)count ? known : unknown).Add(name);
            }
        }

        GroupPartitionName[] asked = [.. known];
        GroupOffsetDeletion outcome = await groups.CallAsync(
            request.GroupId,
            group => group.DeleteOffsetsAsync(asked),
            static error => new GroupOffsetDeletion { Error = (short)error });
        return outcome.Error != 0
            ? new OffsetDeleteResponse { ErrorCode = (ErrorCode)outcome.Error }
            : ResponseOf(request, known, unknown, outcome.Errors);
    }

    private static OffsetDeleteResponse ResponseOf(
        OffsetDeleteRequest request, List<GroupPartitionName> known, List<GroupPartitionName> unknown, short[] errors)
    {
        List<(GroupPartitionName Name, ErrorCode Error)> all =
        [
            .. unknown.Select(name => (name, ErrorCode.UnknownTopicOrPartition)),
            .. known.Zip(errors, static (name, error) => (name, (ErrorCode)error)),
        ];
        var response = new OffsetDeleteResponse();
        foreach (string topic in request.Topics.Select(topic => topic.Name).Distinct())
        {
            var answered = new OffsetDeleteResponse.OffsetDeleteResponseTopic { Name = topic };
            answered.Partitions.AddRange(all.Where(each => each.Name.Topic == topic).Select(
                each => new OffsetDeleteResponse.OffsetDeleteResponsePartition
                {
                    PartitionIndex = each.Name.Partition,
                    ErrorCode = each.Error,
                }));
            response.Topics.Add(answered);
        }

        return response;
    }
}
