using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// LeaveGroup, versions 0-5: one member, or from v3 many, which may be static members named by administrators (KIP-345).
/// </summary>
internal sealed class LeaveGroupHandler(GroupCalls groups) : RequestHandler<LeaveGroupRequest, LeaveGroupResponse>
{
    private const short BatchFirstVersion = 3;

    protected override async ValueTask<LeaveGroupResponse?> HandleAsync(RequestContext context, LeaveGroupRequest request)
    {
        if (request.GroupId.Length == 0)
        {
            return new LeaveGroupResponse { ErrorCode = ErrorCode.InvalidGroupId };
        }

        bool isBatch = context.ApiVersion >= BatchFirstVersion;
        GroupIdentity[] members = isBatch
            ? [.. request.Members.Select(
                member => new GroupIdentity { MemberId = member.MemberId, InstanceId = member.GroupInstanceId })]
            : [new GroupIdentity { MemberId = request.MemberId }];
        ErrorCode whole = ErrorCode.None;
        short[] errors = await groups.CallAsync(request.GroupId, group => group.LeaveAsync(members), refused =>
        {
            whole = refused;
            return [];
        });
        if (whole != ErrorCode.None || !isBatch)
        {
            return new LeaveGroupResponse { ErrorCode = whole != ErrorCode.None ? whole : (ErrorCode)errors[0] };
        }

        var response = new LeaveGroupResponse();
        response.Members.AddRange(members.Zip(errors, static (member, error) => new LeaveGroupResponse.MemberResponse
        {
            MemberId = member.MemberId,
            GroupInstanceId = member.InstanceId,
            ErrorCode = (ErrorCode)error,
        }));
        return response;
    }
}
