using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Groups.Lag;

namespace Orleans.Kafka;

/// <summary>
/// A broker inside this process. It speaks Kafka's protocol on a real port, so that any Kafka client can use it; it
/// needs no other process. Several brokers in one process do not disturb each other.
/// </summary>
/// <example>
/// <code>
/// await using var broker = await KafkaBroker.StartAsync();
/// var config = new ProducerConfig { BootstrapServers = broker.BootstrapServers };
/// </code>
/// </example>
public sealed class KafkaBroker : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly string? _temporaryDirectory;
    private int _disposed;

    private KafkaBroker(IHost host, string directory, string? temporaryDirectory)
    {
        _host = host;
        _temporaryDirectory = temporaryDirectory;
        Directory = directory;
        BootstrapServers = string.Join(',', host.Services.GetRequiredService<AdvertisedAddresses>().Current
            .Select(address => $"{address.Host}:{address.Port}"));
    }

    /// <summary>What clients take as <c>bootstrap.servers</c>: host and port of each listener.</summary>
    public string BootstrapServers { get; }

    /// <summary>The log directory.</summary>
    public string Directory { get; }

    /// <summary>The services of the broker's silo, for tests that want to reach its grains.</summary>
    public IServiceProvider Services => _host.Services;

    /// <summary>
    /// How far a consumer group is behind in each partition for which it has committed an offset, in records and in time.
    /// Nothing for a group that does not exist.
    /// </summary>
    public Task<IReadOnlyList<PartitionLag>> GroupLagAsync(string groupId) =>
        _host.Services.GetRequiredService<GroupLagReader>().ReadAsync(groupId);

    /// <summary>Starts a broker on a free port of the loopback address, with a temporary log directory.</summary>
    /// <exception cref="BrokerSettingsException">A setting is unknown or has a value that is not allowed.</exception>
    /// <exception cref="BrokerStartException">A port or the log directory is in use.</exception>
    public static Task<KafkaBroker> StartAsync(CancellationToken cancellationToken = default) =>
        StartAsync(new KafkaBrokerOptions(), cancellationToken);

    /// <summary>Starts a broker. Clients can connect, and nothing has to be waited for, when the task completes.</summary>
    /// <exception cref="BrokerSettingsException">A setting is unknown or has a value that is not allowed.</exception>
    /// <exception cref="BrokerStartException">A port or the log directory is in use.</exception>
    public static async Task<KafkaBroker> StartAsync(
        KafkaBrokerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        string? temporary = options.Directory is null
            ? System.IO.Directory.CreateTempSubdirectory("orleans-kafka-").FullName
            : null;
        string directory = Path.GetFullPath(options.Directory ?? temporary!);
        IHost? host = null;
        try
        {
            BrokerSettings settings = BrokerSettings.Parse(Merge(options, directory));
            host = Build(options, settings);
            await host.StartAsync(cancellationToken);
            return new KafkaBroker(host, directory, temporary);
        }
        catch
        {
            host?.Dispose();
            DeleteTemporary(temporary);
            throw;
        }
    }

    /// <summary>
    /// Stops the broker: requests in flight are answered, everything is flushed, connections are closed. A temporary
    /// log directory is deleted.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        await _host.StopAsync();
        if (_host is IAsyncDisposable host)
        {
            await host.DisposeAsync();
        }

        DeleteTemporary(_temporaryDirectory);
    }

    private static Dictionary<string, string?> Merge(KafkaBrokerOptions options, string directory)
    {
        var merged = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["listeners"] = "PLAINTEXT://127.0.0.1:0",
            ["group.initial.rebalance.delay.ms"] = "0",
            ["log.dirs"] = directory,
        };
        foreach ((string name, string value) in options.Settings)
        {
            merged[name] = value;
        }

        return merged;
    }

    private static IHost Build(KafkaBrokerOptions options, BrokerSettings settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings
        {
            ApplicationName = "orleans-kafka",
            DisableDefaults = true,
        });
        builder.Services.Replace(ServiceDescriptor.Singleton(options.LoggerFactory));
        builder.Services.AddSingleton(options.TimeProvider);
        if (options.Seed is int seed)
        {
            builder.Services.AddSingleton(new Random(seed));
        }

        builder.AddSingleSilo();
        builder.AddKafkaBroker(settings);
        return builder.Build();
    }

    private static void DeleteTemporary(string? directory)
    {
        if (directory is not null)
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }
}
