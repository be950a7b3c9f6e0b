using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Grains.Metadata;

/// <summary>Says in one line each that another broker came or went, from the broker's start to its stop.</summary>
public sealed partial class LiveBrokersLog(
    IClusterMembershipService membership, LiveBrokers live, BrokerSettings settings, ILogger<LiveBrokersLog> logger) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Begins to listen.</summary>
    public void Start() => _ = FollowAsync(_stop.Token);

    /// <summary>Ends it.</summary>
    public void Dispose() => _stop.Cancel();

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        int[] known = [settings.NodeId];
        try
        {
            await foreach (ClusterMembershipSnapshot _ in membership.MembershipUpdates.WithCancellation(cancellationToken))
            {
                int[] now = [.. live.Ids.Union([settings.NodeId])];
                foreach (int brokerId in now.Except(known))
                {
                    LogCame(logger, brokerId);
                }

                foreach (int brokerId in known.Except(now))
                {
                    LogWent(logger, brokerId);
                }

                known = now;
            }
        }
        catch (OperationCanceledException)
        {
            // The broker stops.
        }
    }

    [LoggerMessage(3011, LogLevel.Information, "broker {BrokerId} is there")]
    private static partial void LogCame(ILogger logger, int brokerId);

    [LoggerMessage(3012, LogLevel.Warning,
        "broker {BrokerId} is gone: partitions and groups that only it has are away until it is back")]
    private static partial void LogWent(ILogger logger, int brokerId);
}
