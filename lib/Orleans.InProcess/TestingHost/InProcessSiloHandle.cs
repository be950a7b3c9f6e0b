using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Runtime;

namespace Orleans.TestingHost;

/// <summary>One silo of a test cluster.</summary>
public sealed class InProcessSiloHandle
{
    internal InProcessSiloHandle(IHost host, short instanceNumber)
    {
        SiloHost = host;
        InstanceNumber = instanceNumber;
        var silo = host.Services.GetRequiredService<ILocalSiloDetails>();
        Name = silo.Name;
        SiloAddress = silo.SiloAddress;
        GatewayAddress = silo.GatewayAddress;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its place in the order of starting.</summary>
    public short InstanceNumber { get; }

    /// <summary>Its host.</summary>
    public IHost SiloHost { get; }

    /// <summary>The services of its host.</summary>
    public IServiceProvider ServiceProvider => SiloHost.Services;

    /// <summary>Where other silos reach it.</summary>
    public SiloAddress SiloAddress { get; }

    /// <summary>Where clients reach it.</summary>
    public SiloAddress GatewayAddress { get; }

    /// <summary>Whether it has not been stopped or killed.</summary>
    public bool IsActive { get; private set; } = true;

    internal async Task StopAsync(bool gracefully)
    {
        if (!IsActive)
        {
            return;
        }

        IsActive = false;
        await SiloHost.StopAsync(new CancellationToken(canceled: !gracefully)).ConfigureAwait(false);
        if (SiloHost is IAsyncDisposable host)
        {
            await host.DisposeAsync().ConfigureAwait(false);
        }
        else
        {
            SiloHost.Dispose();
        }
    }
}
