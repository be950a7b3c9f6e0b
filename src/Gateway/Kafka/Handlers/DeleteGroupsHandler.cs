using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>DeleteGroups, versions 0-2: groups without members, with their offsets.</summary>
internal sealed class DeleteGroupsHandler(GroupCalls groups) : RequestHandler<DeleteGroupsRequest, DeleteGroupsResponse>
{
    protected override async ValueTask<DeleteGroupsResponse?> HandleAsync(
        RequestContext context, DeleteGroupsRequest request)
    {
        var response = new DeleteGroupsResponse();
        foreach (string groupId in request.GroupsNames)
        {
            short error = await groups.CallAsync(
                groupId, group => group.DeleteAsync(), static refused => (short)refused);
            response.Results.Add(new DeleteGroupsResponse.DeletableGroupResult
            {
                GroupId = groupId,
                ErrorCode = (ErrorCode)error,
            });
        }

        return response;
    }
}
