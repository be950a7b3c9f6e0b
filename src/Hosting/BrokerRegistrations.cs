using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Kafka.Gateway;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Placement;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka;

/// <summary>Makes a silo a broker.</summary>
public static class BrokerRegistrations
{
    /// <summary>
    /// The cluster's grain reads the records of all topics before it serves. Callers give up earlier and ask again; if the
    /// grain gave up too, a cluster with many topics would never start.
    /// </summary>
    private static readonly TimeSpan ActivationTimeout = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Adds the broker's services to a host that is, or will be, an Orleans silo: the silo gets the broker's name, and
    /// the broker starts after the silo and stops before it.
    /// </summary>
    public static IHostApplicationBuilder AddKafkaBroker(this IHostApplicationBuilder builder, BrokerSettings settings)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(settings);
        builder.UseOrleans(silo => silo
            .Configure<SiloOptions>(options => options.SiloName = BrokerPlacement.SiloNameOf(settings.NodeId))
            .Configure<GrainCollectionOptions>(options => options.ActivationTimeout = ActivationTimeout));
        builder.Services.AddKafkaGrains(settings);
        builder.Services.AddKafkaGateway();
        builder.Services.AddSingleton<AdvertisedAddresses>();
        builder.Services.AddSingleton(Endpoint);
        builder.Services.AddHostedService<BrokerLifetime>();
        return builder;
    }

    /// <summary>Makes the host a silo of a cluster of one, which keeps the state of its grains beside the log.</summary>
    public static IHostApplicationBuilder AddSingleSilo(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.UseOrleans(silo =>
        {
            SingleSilo.Configure(silo);
            silo.Services.AddKafkaFileStorage();
        });
        return builder;
    }

    private static KafkaEndpoint Endpoint(IServiceProvider services)
    {
        var settings = services.GetRequiredService<BrokerSettings>();
        var options = new KafkaEndpointOptions
        {
            Listeners = [.. settings.Listeners.Select(each => KafkaListenerOptions.Create(each.Name, each.Host, each.Port))],
            Limits = new ConnectionLimits
            {
                MaxRequestBytes = settings.RequestSizeMax,
                IdleTimeout = settings.ConnectionIdleMax > TimeSpan.Zero
                    ? settings.ConnectionIdleMax
                    : Timeout.InfiniteTimeSpan,
                MaxConnections = Math.Min(
                    settings.ConnectionsMax, HandleBudget.OfProcessWith(settings.OpenFilesMax).Connections),
                MaxConnectionsPerAddress = settings.ConnectionsPerAddressMax,
            },
        };
        return new KafkaEndpoint(
            options,
            services.GetRequiredService<RequestHandlerTable>(),
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILoggerFactory>());
    }
}
