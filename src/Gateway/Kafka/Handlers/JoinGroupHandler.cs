using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// JoinGroup, versions 0-9: v1 tells the rebalance timeout, v4 must come back with the id it is given (KIP-394), v5 knows
/// static members (KIP-345), v9 may be told to leave the assignment as it is (KIP-814).
/// </summary>
internal sealed class JoinGroupHandler(GroupCalls groups) : RequestHandler<JoinGroupRequest, JoinGroupResponse>
{
    private const short MemberIdFirstVersion = 4;
    private const short NullProtocolFirstVersion = 7;
    private const short SkipAssignmentFirstVersion = 9;

    protected override async ValueTask<JoinGroupResponse?> HandleAsync(RequestContext context, JoinGroupRequest request)
    {
        short version = context.ApiVersion;
        GroupJoinReply reply = request.GroupId.Length == 0
            ? Refused(request, ErrorCode.InvalidGroupId)
            : await groups.CallAsync(
                request.GroupId, GroupCallOf(context, request), error => Refused(request, error));
        var response = new JoinGroupResponse
        {
            ErrorCode = (ErrorCode)reply.Error,
            GenerationId = reply.Generation,
            ProtocolType = reply.ProtocolType,
            ProtocolName = reply.ProtocolName ?? (version >= NullProtocolFirstVersion ? null : ""),
            Leader = reply.Leader,
            SkipAssignment = reply.SkipAssignment,
            MemberId = reply.MemberId,
        };
        response.Members.AddRange(reply.Members.Select(member => new JoinGroupResponse.JoinGroupResponseMember
        {
            MemberId = member.Member.MemberId,
            GroupInstanceId = member.Member.InstanceId,
            Metadata = member.Metadata,
        }));
        return response;
    }

    private static Func<IGroupGrain, Task<GroupJoinReply>> GroupCallOf(RequestContext context, JoinGroupRequest request)
    {
        var join = new GroupJoin
        {
            Member = new GroupIdentity { MemberId = request.MemberId, InstanceId = request.GroupInstanceId },
            ClientId = GroupCalls.ClientOf(context),
            ClientHost = GroupCalls.HostOf(context.Connection),
            SessionTimeoutMs = request.SessionTimeoutMs,
            RebalanceTimeoutMs = context.ApiVersion >= 1 ? request.RebalanceTimeoutMs : request.SessionTimeoutMs,
            ProtocolType = request.ProtocolType,
            Protocols = [.. request.Protocols.Select(
                protocol => new GroupProtocol { Name = protocol.Name, Metadata = protocol.Metadata })],
            RequiresMemberId = context.ApiVersion >= MemberIdFirstVersion,
            CanSkipAssignment = context.ApiVersion >= SkipAssignmentFirstVersion,
        };
        return group => group.JoinAsync(join);
    }

    private static GroupJoinReply Refused(JoinGroupRequest request, ErrorCode error) =>
        new() { Error = (short)error, MemberId = request.MemberId };
}
