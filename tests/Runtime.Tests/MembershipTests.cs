using Microsoft.Extensions.DependencyInjection;
using Orleans.Kafka.Runtime.Tests.Grains;
using Orleans.TestingHost;

namespace Orleans.Kafka.Runtime.Tests;

public sealed class MembershipTests : IAsyncLifetime
{
    private readonly InProcessTestCluster _cluster = TwoSilos.Build(2, new CountingStorage());

    public Task InitializeAsync() => _cluster.DeployAsync();

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Membership_AfterStart_ShowsAllSilosActive()
    {
        foreach (var silo in _cluster.Silos)
        {
            await WaitForAsync(silo, snapshot => _cluster.Silos.All(
                s => snapshot.GetSiloStatus(s.SiloAddress) == SiloStatus.Active
                    && snapshot.Members[s.SiloAddress].Name == s.Name));
        }
    }

    [Fact]
    public async Task Silo_StopsInGoodOrder_GrainsAreToldAndMoveElsewhere()
    {
        var second = _cluster.Silos[1];
        var key = second.Name + "/" + Probe.NewKey("moves");
        var grain = _cluster.Silos[0].SiloHost.Services.GetRequiredService<IGrainFactory>().GetGrain<IPlacedGrain>(key);
        await grain.Silo();

        await _cluster.StopSiloAsync(second);

        await Probe.Of(key).Reached("deactivated ShuttingDown");
        await WaitForAsync(_cluster.Silos[0], s => s.GetSiloStatus(second.SiloAddress) == SiloStatus.Dead);
        await Assert.ThrowsAsync<NoSuchSiloException>(grain.Silo);
    }

    [Fact]
    public async Task Silo_Dies_WaitingCallerGetsSiloUnavailable()
    {
        var (first, second) = (_cluster.Silos[0], _cluster.Silos[1]);
        var key = second.Name + "/" + Probe.NewKey("dies");
        var factory = first.SiloHost.Services.GetRequiredService<IGrainFactory>();
        var caller = factory.GetGrain<IPlacedGrain>(first.Name + "/" + Probe.NewKey("caller"));
        var call = caller.WaitAtGateOf(key);
        await Probe.Of(key).Reached("waiting");

        await _cluster.KillSiloAsync(second);

        await Assert.ThrowsAsync<SiloUnavailableException>(() => call);
        await WaitForAsync(first, s => s.GetSiloStatus(second.SiloAddress) == SiloStatus.Dead);
    }

    [Fact]
    public async Task Silo_Dies_ItsGrainsActivateElsewhere()
    {
        var second = _cluster.Silos[1];
        var factory = _cluster.Silos[0].SiloHost.Services.GetRequiredService<IGrainFactory>();
        var keys = Enumerable.Range(0, 20).Select(_ => Probe.NewKey("again")).ToArray();
        await Task.WhenAll(keys.Select(key => factory.GetGrain<ILifeGrain>(key).Activation()));

        await _cluster.KillSiloAsync(second);
        await WaitForAsync(_cluster.Silos[0], s => s.GetSiloStatus(second.SiloAddress) == SiloStatus.Dead);

        foreach (var key in keys)
        {
            Assert.Equal(_cluster.Silos[0].Name, await factory.GetGrain<ILifeGrain>(key).Silo());
        }
    }

    [Fact]
    public async Task Silo_Restarted_HasANewAddress()
    {
        var second = _cluster.Silos[1];
        var before = second.SiloAddress;

        var restarted = await _cluster.RestartSiloAsync(second);

        Assert.NotNull(restarted);
        Assert.NotEqual(before, restarted.SiloAddress);
        await WaitForAsync(restarted, s => s.GetSiloStatus(restarted.SiloAddress) == SiloStatus.Active
            && s.GetSiloStatus(before) is SiloStatus.Dead or SiloStatus.None);
    }

    private static async Task WaitForAsync(InProcessSiloHandle silo, Func<ClusterMembershipSnapshot, bool> condition)
    {
        var membership = silo.SiloHost.Services.GetRequiredService<IClusterMembershipService>();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        var last = new MembershipVersion(long.MinValue);
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(timeout.Token))
        {
            Assert.True(snapshot.Version > last);
            last = snapshot.Version;
            if (condition(snapshot))
            {
                return;
            }
        }
    }
}
