using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.GrainDirectory;
using Orleans.Kafka.Runtime.Tests.Grains;
using Orleans.Runtime.Hosting;

namespace Orleans.Kafka.Runtime.Tests;

/// <summary>
/// What becomes of activations on one silo when another one goes. On hosts, not on a test cluster: that of Orleans has a
/// directory which never loses anything.
/// </summary>
public sealed class DirectoryTests : IAsyncLifetime
{
    private readonly IHost[] _hosts;

    public DirectoryTests()
    {
        int[] ports = FreePorts(4);
        _hosts = [Build("first", ports[0], ports[1], ports[0]), Build("second", ports[2], ports[3], ports[0])];
    }

    private static string NewKey(string name) => "first/" + Probe.NewKey(name);

    public async Task InitializeAsync()
    {
        await _hosts[0].StartAsync();
        await _hosts[1].StartAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (var host in _hosts.Reverse())
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    [Fact]
    public async Task Silo_Goes_LeavesActivationsAloneThatAreInADirectoryOfTheirOwn()
    {
        // The directory is spread over the silos by chance: with so many grains the second silo has some of them.
        const int Grains = 500;
        var factory = _hosts[0].Services.GetRequiredService<IGrainFactory>();
        var placed = Enumerable.Range(0, Grains).Select(_ => NewKey("placed")).ToArray();
        var settled = Enumerable.Range(0, Grains).Select(_ => NewKey("settled")).ToArray();
        await WaitForTwoAsync();
        await Task.WhenAll(settled.Select(key => factory.GetGrain<ISettledGrain>(key).Silo()));
        await Task.WhenAll(placed.Select(key => factory.GetGrain<IPlacedGrain>(key).Silo()));

        await _hosts[1].StopAsync();

        // Others may end because their entries went with the silo; seldom Orleans has handed over all entries by then.
        await Task.WhenAny(placed.Select(key => Probe.Of(key).Reached("deactivated DirectoryFailure")));

        Assert.All(
            await Task.WhenAll(placed.Select(key => factory.GetGrain<IPlacedGrain>(key).Silo())),
            silo => Assert.Equal("first", silo));
        await Task.WhenAll(settled.Select(key => factory.GetGrain<ISettledGrain>(key).Silo()));
        Assert.All(settled, key => Assert.Empty(Probe.Of(key).Events));
    }

    [Fact]
    public async Task Activation_InADirectoryOfItsOwn_IsThereWhileItLives()
    {
        var silo = _hosts[0].Services;
        var directory = (LocalDirectory)silo.GetRequiredKeyedService<IGrainDirectory>(LocalDirectory.Name);
        var key = NewKey("settled");
        var grain = silo.GetRequiredService<IGrainFactory>().GetGrain<ISettledGrain>(key);

        await grain.Silo();
        var address = silo.GetRequiredService<ILocalSiloDetails>().SiloAddress;
        Assert.Equal(address, (await directory.Lookup(grain.GetGrainId()))?.SiloAddress);

        await grain.End();
        await Probe.Of(key).Reached("deactivated ApplicationRequested");
        await grain.Silo();
        Assert.Single(directory.Entries, entry => entry.GrainId == grain.GetGrainId());
    }

    private async Task WaitForTwoAsync()
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var membership = _hosts[0].Services.GetRequiredService<IClusterMembershipService>();
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(timeout.Token))
        {
            if (snapshot.Members.Values.Count(member => member.Status == SiloStatus.Active) == 2)
            {
                return;
            }
        }
    }

    private IHost Build(string name, int siloPort, int gatewayPort, int primaryPort)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(
                siloPort, gatewayPort, new IPEndPoint(IPAddress.Loopback, primaryPort), "directory", "directory");
            silo.Configure<SiloOptions>(options => options.SiloName = name);
            silo.AddPlacementDirector<BySiloNamePlacement, BySiloNameDirector>();
            silo.AddGrainDirectory(LocalDirectory.Name, (_, _) => new LocalDirectory());
#if INPROCESS_RUNTIME
            silo.UseInProcessCluster(_cluster);
#endif
        });
        return builder.Build();
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        Array.ForEach(listeners, listener => listener.Start());
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        Array.ForEach(listeners, listener => listener.Dispose());
        return ports;
    }

#if INPROCESS_RUNTIME
    private readonly Orleans.InProcess.InProcessCluster _cluster = new();
#endif
}
