using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Silo;

/// <summary>
/// How this silo finds others: alone, unless the section <c>Cluster</c> of the configuration names a PostgreSQL database
/// that its silos share.
/// </summary>
internal static partial class SiloClustering
{
    public static void AddSiloClustering(this HostApplicationBuilder builder, BrokerSettings settings)
    {
        IConfigurationSection cluster = builder.Configuration.GetSection("Cluster");
        if (string.IsNullOrEmpty(cluster["ConnectionString"]))
        {
            builder.AddSingleSilo();
        }
        else
        {
            JoinCluster(builder, cluster, settings);
        }
    }

    /// <summary>True when a silo could not join and may when it tries again.</summary>
    public static bool IsWorthAnotherStart(Exception exception)
    {
        bool isWorthIt = false;
        LookInto(exception, ref isWorthIt);
        return isWorthIt;
    }

    static partial void LookInto(Exception exception, ref bool isWorthAnotherStart);

    /// <summary>Joins the silos that share a database.</summary>
    static partial void JoinCluster(
        HostApplicationBuilder builder, IConfigurationSection cluster, BrokerSettings settings);
}
