using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Lag;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Placement;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka;

/// <summary>
/// Starts a broker in the one order that never shows a client something half ready: log directory, replicas,
/// listening sockets, registration, and only then the first request. Stops it the other way round.
/// </summary>
internal sealed partial class BrokerLifetime(
    BrokerSettings settings,
    ReplicaHost replicas,
    IGrainFactory grains,
    KafkaEndpoint endpoint,
    AdvertisedAddresses addresses,
    LogHousekeeping housekeeping,
    MetadataCache metadata,
    GroupCoordinator groups,
    GroupLagReport lag,
    LiveBrokersLog peers,
    TimeProvider clock,
    ILogger<BrokerLifetime> logger) : IHostedService
{
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(1);

    private const int FewConnections = 1000;

    private IClusterGrain Cluster => grains.GetGrain<IClusterGrain>("cluster");

    private IBrokerGrain Broker => grains.GetGrain<IBrokerGrain>(settings.NodeId.ToString());

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        long started = clock.GetTimestamp();
        BroughtDirectory? brought = replicas.LookIntoDirectory();
        ClusterSnapshot snapshot = await WhenThereAsync(() => Cluster.JoinAsync(brought), cancellationToken);
        OpenDirectory(snapshot.ClusterId);
        try
        {
            // Settings that were set at run time count from the first log on. Nobody asks for anything yet.
            metadata.Reset(snapshot);
            await RecoverAsync(snapshot, cancellationToken);
            await Broker.StartAsync(snapshot);
            await ListenAsync(cancellationToken);
        }
        catch
        {
            await CloseAsync();
            throw;
        }

        WarnOfFewHandles();
        housekeeping.Start();
        groups.Start();
        lag.Start();
        peers.Start();
        LogServing(
            logger, settings.NodeId, string.Join(", ", addresses.Current.Select(each => $"{each.Listener}://{each.Host}:{each.Port}")),
            clock.GetElapsedTime(started).TotalMilliseconds);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        housekeeping.Dispose();
        lag.Dispose();
        peers.Dispose();
        groups.Stop();
        await endpoint.StopAsync(cancellationToken);
        await CloseAsync();
        LogStopped(logger, settings.NodeId);
    }

    private void OpenDirectory(string clusterId)
    {
        try
        {
            replicas.OpenDirectory(clusterId);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or LogFormatException)
        {
            throw new BrokerStartException(exception.Message, exception);
        }
    }

    private void WarnOfFewHandles()
    {
        HandleBudget budget = HandleBudget.OfProcessWith(settings.OpenFilesMax);
        if (budget.Connections < Math.Min(settings.ConnectionsMax, FewConnections))
        {
            LogFewHandles(logger, budget.Files, budget.Connections);
        }
    }

    // It may take minutes, on threads of its own.
    private Task RecoverAsync(ClusterSnapshot snapshot, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () => replicas.Recover(snapshot, cancellationToken),
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        // Where every port is known beforehand, clients know it too: they must find this broker in the metadata from
        // their first request on. A port that the system chooses is known to nobody until it is registered.
        bool portsAreKnown = settings.Listeners.All(listener => listener.Port != 0);
        if (portsAreKnown)
        {
            await RegisterAsync(cancellationToken);
        }

        await BindAsync(cancellationToken);
        if (!portsAreKnown)
        {
            await RegisterAsync(cancellationToken);
        }
    }

    private async Task CloseAsync()
    {
        await Broker.StopAsync();
        replicas.CloseDirectory();
    }

    private Task RegisterAsync(CancellationToken cancellationToken)
    {
        var registration = new BrokerRegistration
        {
            BrokerId = settings.NodeId,
            Listeners = addresses.Resolve(endpoint.BoundListeners),
            Rack = settings.Rack,
        };
        return WhenThereAsync(() => Cluster.RegisterBrokerAsync(registration), cancellationToken);
    }

    /// <summary>
    /// Asks until the cluster's grain answers: its silo may be dead, and the others be about to find out. What is asked may
    /// be done twice.
    /// </summary>
    private async Task<T> WhenThereAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (Exception exception) when (GrainFailure.IsAbsence(exception))
            {
                LogWaiting(logger, settings.NodeId, GrainFailure.InOneLine(exception));
                await Task.Delay(RetryPeriod, clock, cancellationToken);
            }
        }
    }

    private async Task BindAsync(CancellationToken cancellationToken)
    {
        try
        {
            await endpoint.StartAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            string listeners = string.Join(", ", settings.Listeners);
            throw new BrokerStartException($"cannot listen on {listeners}: {exception.Message}", exception);
        }
    }

    [LoggerMessage(1001, LogLevel.Information, "broker {BrokerId} serves {Listeners} after {Milliseconds:F0} ms")]
    private static partial void LogServing(ILogger logger, int brokerId, string listeners, double milliseconds);

    [LoggerMessage(1003, LogLevel.Warning, "broker {BrokerId} waits for the cluster's grain: {Reason}")]
    private static partial void LogWaiting(ILogger logger, int brokerId, string reason);

    [LoggerMessage(1004, LogLevel.Warning,
        "the limit of open files is low (ulimit -n): {Files} files are kept open, {Connections} connections are taken")]
    private static partial void LogFewHandles(ILogger logger, int files, int connections);

    [LoggerMessage(1002, LogLevel.Information, "broker {BrokerId} stopped; everything is flushed")]
    private static partial void LogStopped(ILogger logger, int brokerId);
}
