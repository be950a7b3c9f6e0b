using Microsoft.Extensions.DependencyInjection;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Groups.Lag;
using Orleans.Kafka.Grains.Placement;
using Orleans.TestingHost;

namespace Orleans.Kafka.Hosting.Tests;

/// <summary>Several brokers of one cluster in this process, each with its own log directory and port.</summary>
internal sealed class BrokerCluster : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kafka-cluster-").FullName;
    private readonly InProcessTestCluster _cluster;
    private int _lastBrokerId;

    private BrokerCluster(short brokers)
    {
        var builder = new InProcessTestClusterBuilder(brokers);
        builder.ConfigureSiloHost((silo, host) =>
        {
            int brokerId = Interlocked.Increment(ref _lastBrokerId);
            BrokerSettings settings = BrokerSettings.Parse(new Dictionary<string, string?>
            {
                ["node.id"] = $"{brokerId}",
                ["listeners"] = "PLAINTEXT://127.0.0.1:0",
                ["log.dirs"] = Path.Combine(_directory, $"broker-{brokerId}"),
                ["metadata.log.dir"] = Path.Combine(_directory, "metadata"),
            });
            silo.SiloName = BrokerPlacement.SiloNameOf(brokerId);
            host.Services.AddKafkaFileStorage();
            host.AddKafkaBroker(settings);
        });
        _cluster = builder.Build();
    }

    public static async Task<BrokerCluster> StartAsync(short brokers)
    {
        var cluster = new BrokerCluster(brokers);
        await cluster._cluster.DeployAsync();
        return cluster;
    }

    /// <summary>A connection to a broker, by its id, from 1.</summary>
    public async Task<WireClient> ConnectAsync(int brokerId)
    {
        var endpoint = SiloOf(brokerId).ServiceProvider.GetRequiredService<KafkaEndpoint>();
        return await WireClient.ConnectAsync("127.0.0.1", endpoint.BoundListeners[0].Port);
    }

    public Task StopAsync(int brokerId) => _cluster.StopSiloAsync(SiloOf(brokerId));

    /// <summary>How far a group is behind, as a broker sees it.</summary>
    public Task<IReadOnlyList<PartitionLag>> GroupLagAsync(int brokerId, string groupId) =>
        SiloOf(brokerId).ServiceProvider.GetRequiredService<GroupLagReader>().ReadAsync(groupId);

    public Task KillAsync(int brokerId) => _cluster.KillSiloAsync(SiloOf(brokerId));

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Silos start side by side, so a broker's id says nothing of its place in the list.</summary>
    private InProcessSiloHandle SiloOf(int brokerId) => _cluster.Silos.Single(
        silo => silo.ServiceProvider.GetRequiredService<BrokerSettings>().NodeId == brokerId);
}
