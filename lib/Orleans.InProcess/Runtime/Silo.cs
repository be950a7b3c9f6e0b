using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.GrainDirectory;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Orleans.InProcess;

/// <summary>What of the options a silo uses.</summary>
internal sealed record SiloLimits(
    TimeSpan ResponseTimeout, TimeSpan ActivationTimeout, TimeSpan DeactivationTimeout, int QueueLimit);

/// <summary>One silo: who it is, its services, its start and its end.</summary>
internal sealed class Silo : CallSource, ILocalSiloDetails, IPlacementContext
{
    private int _status = (int)SiloStatus.Created;

    public Silo(InProcessCluster cluster, IServiceProvider services)
        : base(cluster)
    {
        Services = services;
        TimeProvider = services.GetRequiredService<TimeProvider>();
        GrainFactory = new GrainFactory(this, services);
        Log = new SiloLog(services.GetRequiredService<ILoggerFactory>().CreateLogger("Orleans.Silo"));

        var endpoint = services.GetRequiredService<IOptions<EndpointOptions>>().Value;
        var ip = endpoint.AdvertisedIPAddress ?? IPAddress.Loopback;
        SiloAddress = cluster.NewAddress(ip, endpoint.SiloPort);
        GatewayAddress = SiloAddress.New(ip, endpoint.GatewayPort, SiloAddress.Generation);
        Name = services.GetRequiredService<IOptions<SiloOptions>>().Value.SiloName
            ?? $"Silo_{SiloAddress.Endpoint.Port}_{SiloAddress.Generation}";
        ClusterId = services.GetRequiredService<IOptions<ClusterOptions>>().Value.ClusterId;

        var messaging = services.GetRequiredService<IOptions<SiloMessagingOptions>>().Value;
        var collection = services.GetRequiredService<IOptions<GrainCollectionOptions>>().Value;
        Options = new SiloLimits(
            messaging.ResponseTimeout,
            collection.ActivationTimeout,
            collection.DeactivationTimeout,
            messaging.MaxEnqueuedRequestsHardLimit);
    }

    public IServiceProvider Services { get; }

    public TimeProvider TimeProvider { get; }

    public GrainFactory GrainFactory { get; }

    public SiloLog Log { get; }

    public SiloLimits Options { get; }

    public string Name { get; }

    public string ClusterId { get; }

    public string DnsHostName => "localhost";

    public SiloAddress SiloAddress { get; }

    public SiloAddress GatewayAddress { get; }

    public SiloStatus Status
    {
        get => (SiloStatus)Volatile.Read(ref _status);
        set => Volatile.Write(ref _status, (int)value);
    }

    public override bool IsRunning => Status is SiloStatus.Joining or SiloStatus.Active or SiloStatus.ShuttingDown;

    public override TimeSpan ResponseTimeout => Options.ResponseTimeout;

    public override Silo? LocalSilo => this;

    SiloAddress IPlacementContext.LocalSilo => SiloAddress;

    SiloStatus IPlacementContext.LocalSiloStatus => Status;

    public SiloAddress[] GetCompatibleSilos(PlacementTarget target)
    {
        var active = Cluster.ActiveSilos;
        return active.Count > 0
            ? [.. active.Select(silo => silo.SiloAddress)]
            : throw new OrleansException($"No silo is active that could run {target.GrainIdentity}.");
    }

    public IPlacementDirector DirectorOf(PlacementStrategy strategy) =>
        Services.GetRequiredKeyedService<IPlacementDirector>(strategy.GetType());

    /// <summary>The directory that the class names; null when it names none.</summary>
    public IGrainDirectory? DirectoryOf(GrainClass grainClass) => grainClass.Directory is not { } name
        ? null
        : Services.GetKeyedService<IGrainDirectory>(name) ?? throw new KeyNotFoundException(
            $"Could not resolve grain directory {name} for grain type {grainClass.GrainType}");

    /// <summary>Another silo is dead.</summary>
    public void ForgetInDirectories(SiloAddress dead)
    {
        foreach (var directory in Services.GetServices<GrainDirectoryName>())
        {
            _ = Services.GetRequiredKeyedService<IGrainDirectory>(directory.Name).UnregisterSilos([dead]);
        }
    }

    public void Start()
    {
        Cluster.SetStatus(this, SiloStatus.Joining);
        Cluster.SetStatus(this, SiloStatus.Active);
        Log.Active(Name, SiloAddress, ClusterId);
    }

    /// <summary>Ends all activations in good order, then leaves the cluster. A cancelled token ends it at once.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Status == SiloStatus.Dead)
        {
            return;
        }

        if (!cancellationToken.IsCancellationRequested)
        {
            Cluster.SetStatus(this, SiloStatus.ShuttingDown);
            try
            {
                await EndActivationsAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                Log.StoppedLate(Name);
            }
        }

        Cluster.Kill(this);
    }

    private async Task EndActivationsAsync()
    {
        // An activation that was being placed when the status changed shows up in a later round.
        while (Cluster.Activations.Where(a => ReferenceEquals(a.PlacedOn, this)).ToArray() is { Length: > 0 } mine)
        {
            foreach (var activation in mine)
            {
                activation.Deactivate(new DeactivationReason(
                    DeactivationReasonCode.ShuttingDown, "The silo is shutting down."));
            }

            await Task.WhenAll(mine.Select(a => a.Deactivated)).ConfigureAwait(false);
        }
    }
}
