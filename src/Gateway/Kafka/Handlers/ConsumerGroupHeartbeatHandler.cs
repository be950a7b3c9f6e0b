using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// ConsumerGroupHeartbeat, versions 0-1 (KIP-848): joining, living, giving up and getting partitions, leaving. In v1
/// clients make their member ids, and may subscribe to a pattern.
/// </summary>
internal sealed class ConsumerGroupHeartbeatHandler(GroupCalls groups)
    : RequestHandler<ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse>
{
    protected override async ValueTask<ConsumerGroupHeartbeatResponse?> HandleAsync(
        RequestContext context, ConsumerGroupHeartbeatRequest request)
    {
        if (request.GroupId.Length == 0)
        {
            return new ConsumerGroupHeartbeatResponse
            {
                ErrorCode = ErrorCode.InvalidRequest,
                ErrorMessage = "GroupId can't be empty.",
            };
        }

        ConsumerHeartbeat heartbeat = HeartbeatOf(context, request);
        ConsumerHeartbeatReply reply = await groups.CallAsync(
            request.GroupId,
            group => group.ConsumerHeartbeatAsync(heartbeat),
            static error => new ConsumerHeartbeatReply { Error = (short)error, Message = "The coordinator is not available." });
        var response = new ConsumerGroupHeartbeatResponse
        {
            ErrorCode = (ErrorCode)reply.Error,
            ErrorMessage = reply.Message,
            MemberId = reply.MemberId,
            MemberEpoch = reply.MemberEpoch,
            HeartbeatIntervalMs = reply.HeartbeatIntervalMs,
        };
        if (reply.Assignment is { } assignment)
        {
            response.Assignment = new ConsumerGroupHeartbeatResponse.MemberAssignment
            {
                TopicPartitions = [.. assignment.Select(topic => new ConsumerGroupHeartbeatResponse.TopicPartitions
                {
                    TopicId = topic.TopicId.ToKafkaUuid(),
                    Partitions = [.. topic.Partitions],
                })],
            };
        }

        return response;
    }

    private static ConsumerHeartbeat HeartbeatOf(RequestContext context, ConsumerGroupHeartbeatRequest request) => new()
    {
        MemberId = request.MemberId,
        MemberEpoch = request.MemberEpoch,
        InstanceId = request.InstanceId,
        RackId = request.RackId,
        RebalanceTimeoutMs = request.RebalanceTimeoutMs,
        Topics = request.SubscribedTopicNames?.ToArray(),
        Pattern = request.SubscribedTopicRegex,
        ServerAssignor = request.ServerAssignor,
        Owned = request.TopicPartitions?.Select(topic => new GroupTopicPartitions
        {
            TopicId = topic.TopicId.ToGuid(),
            Partitions = [.. topic.Partitions],
        }).ToArray(),
        ClientId = GroupCalls.ClientOf(context),
        ClientHost = GroupCalls.HostOf(context.Connection),
        NeedsMemberId = context.ApiVersion == 0,
    };
}
