#if INPROCESS_RUNTIME
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Silo;

internal static partial class SiloClustering
{
    static partial void JoinCluster(
        HostApplicationBuilder builder, IConfigurationSection cluster, BrokerSettings settings) =>
        throw new BrokerStartException(
            "Cluster:ConnectionString is set, and this build has the in-process runtime, which is one process only. "
            + "Build with the Microsoft.Orleans packages (-p:OrleansKafkaRuntime=Orleans) for a cluster.");
}
#endif
