using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Orleans.Kafka.Silo;

/// <summary>
/// How this silo finds others: alone, unless the section <c>Cluster</c> of the configuration names a PostgreSQL database
/// that its silos share.
/// </summary>
internal static partial class SiloClustering
{
    public static void AddSiloClustering(this HostApplicationBuilder builder)
    {
        IConfigurationSection cluster = builder.Configuration.GetSection("Cluster");
        if (string.IsNullOrEmpty(cluster["ConnectionString"]))
        {
            builder.AddSingleSilo();
        }
        else
        {
            JoinCluster(builder, cluster);
        }
    }

    /// <summary>Joins the silos that share a database.</summary>
    static partial void JoinCluster(HostApplicationBuilder builder, IConfigurationSection cluster);
}
