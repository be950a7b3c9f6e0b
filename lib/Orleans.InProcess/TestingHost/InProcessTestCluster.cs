using System.Collections.ObjectModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.InProcess;
using Orleans.Runtime;

namespace Orleans.TestingHost;

/// <summary>Several silos in one process, to be started, stopped and killed by a test.</summary>
public sealed class InProcessTestCluster : IAsyncDisposable, IDisposable
{
    private const int BaseSiloPort = 20000;
    private const int BaseGatewayPort = 40000;

    private readonly InProcessCluster _cluster;
    private readonly ClientSource _clientSource;
    private readonly List<InProcessSiloHandle> _silos = [];
    private int _started;

    internal InProcessTestCluster(InProcessTestClusterOptions options)
    {
        Options = options;
        _cluster = new InProcessCluster();
        _clientSource = new ClientSource(_cluster, new SiloMessagingOptions().ResponseTimeout);
        Client = new GrainFactory(_clientSource, new ServiceCollection().BuildServiceProvider());
    }

    /// <summary>What the cluster was made from.</summary>
    public InProcessTestClusterOptions Options { get; }

    /// <summary>Calls grains from outside of the silos.</summary>
    public IClusterClient Client { get; }

    /// <summary>The silos that run.</summary>
    public ReadOnlyCollection<InProcessSiloHandle> Silos
    {
        get
        {
            lock (_silos)
            {
                return new List<InProcessSiloHandle>(_silos).AsReadOnly();
            }
        }
    }

    /// <summary>Starts the first silo, and when it runs all others side by side.</summary>
    public async Task DeployAsync()
    {
        await StartAdditionalSiloAsync().ConfigureAwait(false);
        await Task.WhenAll(Enumerable.Range(1, Options.InitialSilosCount - 1)
            .Select(_ => Task.Run(StartAdditionalSiloAsync))).ConfigureAwait(false);
    }

    /// <summary>Starts one more silo.</summary>
    public async Task<InProcessSiloHandle> StartAdditionalSiloAsync()
    {
        var number = (short)(Interlocked.Increment(ref _started) - 1);
        var specific = new InProcessTestSiloSpecificOptions
        {
            SiloName = number == 0 ? "Primary" : $"Secondary_{number}",
            SiloPort = BaseSiloPort + number,
            GatewayPort = BaseGatewayPort + number,
        };

        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        foreach (var configure in Options.SiloHostConfigurationDelegates)
        {
            configure(specific, builder);
        }

        builder.UseOrleans(silo => silo
            .UseLocalhostClustering(
                specific.SiloPort, specific.GatewayPort, null, Options.ServiceId, Options.ClusterId)
            .Configure<SiloOptions>(o => o.SiloName = specific.SiloName)
            .UseInProcessCluster(_cluster));

        var host = builder.Build();
        await host.StartAsync().ConfigureAwait(false);
        var handle = new InProcessSiloHandle(host, number);
        lock (_silos)
        {
            _silos.Add(handle);
        }

        return handle;
    }

    /// <summary>Stops a silo in good order.</summary>
    public Task StopSiloAsync(InProcessSiloHandle instance) => RemoveAsync(instance, gracefully: true);

    /// <summary>Kills a silo: nothing of its grains runs any more.</summary>
    public Task KillSiloAsync(InProcessSiloHandle instance) => RemoveAsync(instance, gracefully: false);

    /// <summary>Stops a silo in good order and starts another one.</summary>
    public async Task<InProcessSiloHandle?> RestartSiloAsync(InProcessSiloHandle instance)
    {
        await StopSiloAsync(instance).ConfigureAwait(false);
        return await StartAdditionalSiloAsync().ConfigureAwait(false);
    }

    /// <summary>Completes when all silos agree on the membership, which within one process they always do.</summary>
    public Task WaitForLivenessToStabilizeAsync(bool didKill = false) => Task.CompletedTask;

    /// <summary>The services of a silo, or of the first one.</summary>
    public IServiceProvider GetSiloServiceProvider(SiloAddress? silo = null) =>
        Silos.First(handle => silo is null || handle.SiloAddress.Equals(silo)).ServiceProvider;

    /// <summary>The silo at the address; null if none runs there.</summary>
    public InProcessSiloHandle? GetSiloForAddress(SiloAddress siloAddress) =>
        Silos.FirstOrDefault(handle => handle.SiloAddress.Equals(siloAddress));

    /// <summary>Stops all silos in good order, the last started first.</summary>
    public async Task StopAllSilosAsync()
    {
        foreach (var silo in Silos.Reverse())
        {
            await StopSiloAsync(silo).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _clientSource.Stop();
        await StopAllSilosAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private Task RemoveAsync(InProcessSiloHandle instance, bool gracefully)
    {
        ArgumentNullException.ThrowIfNull(instance);
        lock (_silos)
        {
            _silos.Remove(instance);
        }

        return instance.StopAsync(gracefully);
    }
}
