using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>DescribeGroups, versions 0-6: groups with their members. v6 says that a group is not there (KIP-1043).</summary>
internal sealed class DescribeGroupsHandler(GroupCalls groups)
    : RequestHandler<DescribeGroupsRequest, DescribeGroupsResponse>
{
    private const short NotFoundFirstVersion = 6;

    protected override async ValueTask<DescribeGroupsResponse?> HandleAsync(
        RequestContext context, DescribeGroupsRequest request)
    {
        var response = new DescribeGroupsResponse();
        foreach (string groupId in request.Groups)
        {
            DescribeGroupsResponse.DescribedGroup described = await DescribeAsync(groupId, context.ApiVersion);
            if (request.IncludeAuthorizedOperations && described.ErrorCode == ErrorCode.None)
            {
                described.AuthorizedOperations = AuthorizedOperations.OnGroup;
            }

            response.Groups.Add(described);
        }

        return response;
    }

    private static DescribeGroupsResponse.DescribedGroup Dead(string groupId, ErrorCode error, string? message) => new()
    {
        GroupId = groupId,
        ErrorCode = error,
        ErrorMessage = message,
        GroupState = error is ErrorCode.None or ErrorCode.GroupIdNotFound ? "Dead" : "",
    };

    private static DescribeGroupsResponse.DescribedGroup Described(string groupId, GroupDescription description)
    {
        var group = new DescribeGroupsResponse.DescribedGroup
        {
            GroupId = groupId,
            GroupState = description.State,
            ProtocolType = description.ProtocolType,
            ProtocolData = description.Protocol,
        };
        group.Members.AddRange(description.Members.Select(member => new DescribeGroupsResponse.DescribedGroupMember
        {
            MemberId = member.Member.MemberId,
            GroupInstanceId = member.Member.InstanceId,
            ClientId = member.ClientId,
            ClientHost = member.ClientHost,
            MemberMetadata = member.Metadata,
            MemberAssignment = member.Assignment,
        }));
        return group;
    }

    private async Task<DescribeGroupsResponse.DescribedGroup> DescribeAsync(string groupId, short version)
    {
        ErrorCode refused = ErrorCode.None;
        GroupDescription? description = await groups.CallAsync(groupId, group => group.DescribeAsync(), error =>
        {
            refused = error;
            return null;
        });
        if (description is not null)
        {
            return Described(groupId, description);
        }

        return refused == ErrorCode.None && version >= NotFoundFirstVersion
            ? Dead(groupId, ErrorCode.GroupIdNotFound, $"Group {groupId} not found.")
            : Dead(groupId, refused, null);
    }
}
