using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>SyncGroup, versions 0-5: the leader brings the assignment, everybody takes its own. v5 names the protocol.</summary>
internal sealed class SyncGroupHandler(GroupCalls groups) : RequestHandler<SyncGroupRequest, SyncGroupResponse>
{
    protected override async ValueTask<SyncGroupResponse?> HandleAsync(RequestContext context, SyncGroupRequest request)
    {
        GroupSyncReply reply = request.GroupId.Length == 0
            ? Refused(ErrorCode.InvalidGroupId)
            : await groups.CallAsync(request.GroupId, GroupCallOf(request), Refused);
        return new SyncGroupResponse
        {
            ErrorCode = (ErrorCode)reply.Error,
            ProtocolType = reply.ProtocolType,
            ProtocolName = reply.ProtocolName,
            Assignment = reply.Assignment,
        };
    }

    private static Func<IGroupGrain, Task<GroupSyncReply>> GroupCallOf(SyncGroupRequest request)
    {
        var sync = new GroupSync
        {
            Member = new GroupIdentity { MemberId = request.MemberId, InstanceId = request.GroupInstanceId },
            Generation = request.GenerationId,
            ProtocolType = request.ProtocolType,
            ProtocolName = request.ProtocolName,
            Assignments = [.. request.Assignments.Select(
                each => new GroupAssignment { MemberId = each.MemberId, Assignment = each.Assignment })],
        };
        return group => group.SyncAsync(sync);
    }

    private static GroupSyncReply Refused(ErrorCode error) => new() { Error = (short)error };
}
