using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>Heartbeat, versions 0-4: a member lives, and hears whether it must join again.</summary>
internal sealed class HeartbeatHandler(GroupCalls groups) : RequestHandler<HeartbeatRequest, HeartbeatResponse>
{
    protected override async ValueTask<HeartbeatResponse?> HandleAsync(RequestContext context, HeartbeatRequest request)
    {
        if (request.GroupId.Length == 0)
        {
            return new HeartbeatResponse { ErrorCode = ErrorCode.InvalidGroupId };
        }

        var member = new GroupIdentity { MemberId = request.MemberId, InstanceId = request.GroupInstanceId };
        short error = await groups.CallAsync(
            request.GroupId, group => group.HeartbeatAsync(member, request.GenerationId), static refused => (short)refused);
        return new HeartbeatResponse { ErrorCode = (ErrorCode)error };
    }
}
