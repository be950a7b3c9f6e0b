#if ORLEANS_RUNTIME
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Runtime.MembershipService;

namespace Orleans.Kafka.Silo;

/// <content>Membership and grain state in PostgreSQL: docs/clustering.md says how to prepare the database.</content>
internal static partial class SiloClustering
{
    private const string Provider = "Npgsql";
    private const string DefaultCluster = "orleans-kafka";

    private static readonly TimeSpan ProbePeriodMin = TimeSpan.FromSeconds(1);

    /// <summary>
    /// After a crash of the whole cluster a silo that starts waits for those which the membership believes to be up, unless
    /// they have not written for three of these periods: so that brokers start although one of them never comes back.
    /// </summary>
    private static readonly TimeSpan SignOfLifePeriod = TimeSpan.FromSeconds(5);

    /// <summary>How soon a silo that was frozen reads that it was declared dead meanwhile, and ends itself.</summary>
    private static readonly TimeSpan MembershipReadPeriod = TimeSpan.FromSeconds(5);

    /// <summary>So long it waits. Then it starts again, and by then they have not written for so long.</summary>
    private static readonly TimeSpan JoinPatience = TimeSpan.FromSeconds(30);

    static partial void JoinCluster(
        HostApplicationBuilder builder, IConfigurationSection cluster, BrokerSettings settings)
    {
        string connection = cluster["ConnectionString"]!;
        string advertised = cluster["AdvertisedAddress"] ?? IPAddress.Loopback.ToString();
        if (!IPAddress.TryParse(advertised, out IPAddress? address))
        {
            throw new BrokerStartException($"Cluster:AdvertisedAddress is no IP address: {advertised}");
        }

        int siloPort = Port(cluster, "SiloPort", EndpointOptions.DEFAULT_SILO_PORT);
        int gatewayPort = Port(cluster, "GatewayPort", EndpointOptions.DEFAULT_GATEWAY_PORT);
        builder.UseOrleans(silo => silo
            .Configure<ClusterOptions>(options =>
            {
                options.ClusterId = cluster["ClusterId"] ?? DefaultCluster;
                options.ServiceId = cluster["ServiceId"] ?? DefaultCluster;
            })
            .ConfigureEndpoints(address, siloPort, gatewayPort, listenOnAnyHostAddress: !IPAddress.IsLoopback(address))
            .Configure<ClusterMembershipOptions>(options => Configure(options, settings))
            .UseAdoNetClustering(options =>
            {
                options.Invariant = Provider;
                options.ConnectionString = connection;
            })
            .AddAdoNetGrainStorage(GrainStateStore.Name, options =>
            {
                options.Invariant = Provider;
                options.ConnectionString = connection;
            }));
    }

    static partial void LookInto(Exception exception, ref bool isWorthAnotherStart) =>
        isWorthAnotherStart = exception is OrleansClusterConnectivityCheckFailedException;

    private static void Configure(ClusterMembershipOptions options, BrokerSettings settings)
    {
        TimeSpan period = settings.BrokerSessionTimeout / options.NumMissedProbesLimit;
        options.ProbeTimeout = period > ProbePeriodMin ? period : ProbePeriodMin;

        // Nobody is taken for dead from whom a byte came within as many of these as probes may be missed. Orleans' own is four
        // times as long: a machine without power would be believed to be up for a minute.
        options.MaxProbeTimeout = options.ProbeTimeout;
        options.IAmAliveTablePublishTimeout = SignOfLifePeriod;
        options.TableRefreshTimeout = MembershipReadPeriod;
        options.MaxJoinAttemptTime = JoinPatience;
    }

    private static int Port(IConfigurationSection cluster, string name, int usual)
    {
        string? text = cluster[name];
        if (text is null)
        {
            return usual;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= 65535
            ? port
            : throw new BrokerStartException($"Cluster:{name} is no port: {text}");
    }
}
#endif
