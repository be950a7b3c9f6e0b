using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// ListGroups, versions 0-5: the groups that this broker coordinates. v4 filters by state (KIP-518), v5 by type (KIP-848);
/// names in a filter are taken in any case.
/// </summary>
internal sealed class ListGroupsHandler(GroupCalls groups) : RequestHandler<ListGroupsRequest, ListGroupsResponse>
{
    protected override async ValueTask<ListGroupsResponse?> HandleAsync(RequestContext context, ListGroupsRequest request)
    {
        (ErrorCode error, List<GroupListing> listings) = await groups.Coordinator.ListAsync();
        var response = new ListGroupsResponse { ErrorCode = error };
        response.Groups.AddRange(listings
            .Where(group => Passes(request.TypesFilter, group.Type) && Passes(request.StatesFilter, group.State))
            .Select(group => new ListGroupsResponse.ListedGroup
            {
                GroupId = group.GroupId,
                ProtocolType = group.ProtocolType,
                GroupState = group.State,
                GroupType = group.Type,
            }));
        return response;
    }

    private static bool Passes(List<string> filter, string value) =>
        filter.Count == 0 || filter.Contains(value, StringComparer.OrdinalIgnoreCase);
}
