using System.Net;
using Microsoft.Extensions.Logging;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Placement;

namespace Orleans.Kafka.Gateway.Kafka;

/// <summary>The way from a handler to the grain of a group, and from what goes wrong to the client's error code.</summary>
internal sealed partial class GroupCalls(GroupCoordinator coordinator, ILogger<GroupCalls> logger)
{
    private const int ClientNameMax = 255;

    /// <summary>The coordinator of this broker.</summary>
    public GroupCoordinator Coordinator => coordinator;

    /// <summary>
    /// Calls a group. When this broker does not coordinate it, does not know it yet, or its grain cannot be reached:
    /// <paramref name="refused"/> with a code that sends the client to look for the coordinator or to ask again.
    /// </summary>
    public async ValueTask<T> CallAsync<T>(string groupId, Func<IGroupGrain, Task<T>> call, Func<ErrorCode, T> refused)
    {
        (ErrorCode error, IGroupGrain? group) = await coordinator.FindAsync(groupId);
        if (group is null)
        {
            return refused(error);
        }

        try
        {
            return await call(group);
        }
        catch (Exception exception)
        {
            LogCallFailed(logger, groupId, GrainFailure.InOneLine(exception), GrainFailure.ToLog(exception));
            return refused(ErrorCode.NotCoordinator);
        }
    }

    /// <summary>The client's own name, of which the coordinator makes member ids: cut off where nobody reads on.</summary>
    public static string ClientOf(RequestContext context) =>
        context.ClientId is not { } name ? "" : name.Length > ClientNameMax ? name[..ClientNameMax] : name;

    /// <summary>Where a client is, in Kafka's form.</summary>
    public static string HostOf(ConnectionInfo connection)
    {
        if (connection.RemoteEndPoint is not IPEndPoint remote)
        {
            return "/";
        }

        IPAddress address = remote.Address.IsIPv4MappedToIPv6 ? remote.Address.MapToIPv4() : remote.Address;
        return $"/{address}";
    }

    [LoggerMessage(2301, LogLevel.Warning, "group {GroupId} cannot be reached: {Reason}")]
    private static partial void LogCallFailed(ILogger logger, string groupId, string reason, Exception? exception);
}
