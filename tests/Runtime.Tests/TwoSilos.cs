using Orleans.Kafka.Runtime.Tests.Grains;
using Orleans.Runtime.Hosting;
using Orleans.TestingHost;

namespace Orleans.Kafka.Runtime.Tests;

/// <summary>A cluster of two silos, shared by tests that do it no harm.</summary>
public sealed class TwoSilos : IAsyncLifetime
{
    public TwoSilos() => Cluster = Build(2, Storage);

    public InProcessTestCluster Cluster { get; }

    public CountingStorage Storage { get; } = new();

    public IGrainFactory Client => Cluster.Client;

    public static InProcessTestCluster Build(
        short silos, CountingStorage storage, Action<ISiloBuilder>? configure = null)
    {
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddPlacementDirector<BySiloNamePlacement, BySiloNameDirector>();
            silo.AddGrainDirectory(LocalDirectory.Name, (_, _) => new LocalDirectory());
            silo.ConfigureServices(services => services.AddGrainStorage(CountingStorage.Name, (_, _) => storage));
            configure?.Invoke(silo);
        });
        return builder.Build();
    }

    public Task InitializeAsync() => Cluster.DeployAsync();

    public async Task DisposeAsync() => await Cluster.DisposeAsync();
}
