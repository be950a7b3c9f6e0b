using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Lag;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Placement;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Storage;
using Orleans.Runtime.Hosting;

namespace Orleans.Kafka.Grains;

/// <summary>Puts the grains' services into a silo's container.</summary>
public static class GrainRegistrations
{
    /// <summary>Everything that the cluster's, topics' and replicas' grains need, but for their storage.</summary>
    public static IServiceCollection AddKafkaGrains(this IServiceCollection services, BrokerSettings settings)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(static _ => new Random());
        services.TryAddSingleton<IFileSystem>(static _ => new PhysicalFileSystem());
        services.AddSingleton(settings);
        services.AddSingleton<MetadataCache>();
        services.AddSingleton<CurrentSettings>();
        services.AddSingleton<LiveBrokers>();
        services.AddSingleton<LiveBrokersLog>();
        services.AddSingleton<MetadataPublisher>();
        services.AddSingleton<TopicPlanner>();
        services.AddSingleton<LocalReplicas>();
        services.AddSingleton<ReplicaHost>();
        services.AddSingleton<LogCleaner>();
        services.AddSingleton<LogHousekeeping>();
        services.AddSingleton<GroupCoordinator>();
        services.AddSingleton<GroupLagReader>();
        services.AddSingleton<GroupLagReport>();
        services.AddSingleton<DeadlineWheel>();
        services.AddPlacementDirector<BrokerPlacement, BrokerPlacementDirector>();
        services.AddGrainDirectory(BrokerGrainDirectory.Name, static (_, _) => new BrokerGrainDirectory());
        return services;
    }

    /// <summary>
    /// Keeps grain state in files beside the log: for a cluster of one process. The directory has the name of Kafka's
    /// own metadata log, which Kafka's tools leave alone.
    /// </summary>
    public static IServiceCollection AddKafkaFileStorage(this IServiceCollection services) =>
        services.AddGrainStorage(GrainStateStore.Name, static (provider, _) =>
        {
            BrokerSettings settings = provider.GetRequiredService<BrokerSettings>();
            return new FileGrainStorage(
                provider.GetRequiredService<IFileSystem>(),
                Path.Combine(Path.GetFullPath(settings.MetadataDirectory), "__cluster_metadata-0"));
        });
}
