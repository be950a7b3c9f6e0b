using Orleans.Kafka.Runtime.Tests.Grains;

namespace Orleans.Kafka.Runtime.Tests;

public sealed class PlacementTests(TwoSilos silos) : IClassFixture<TwoSilos>
{
    [Fact]
    public async Task Director_Chooses_GrainLivesThere()
    {
        foreach (var silo in silos.Cluster.Silos)
        {
            var grain = silos.Client.GetGrain<IPlacedGrain>(silo.Name + "/" + Probe.NewKey("placed"));
            Assert.Equal(silo.Name, await grain.Silo());
        }
    }

    [Fact]
    public async Task Director_Throws_CallerGetsThatExceptionAtOnce()
    {
        var grain = silos.Client.GetGrain<IPlacedGrain>("nowhere/" + Probe.NewKey("placed"));

        var failure = await Assert.ThrowsAsync<NoSuchSiloException>(grain.Silo);
        Assert.Equal("no silo nowhere", failure.Message);
    }

    [Fact]
    public async Task PreferLocal_CalledByAGrain_LivesBesideIt()
    {
        foreach (var silo in silos.Cluster.Silos)
        {
            var grain = silos.Client.GetGrain<IPlacedGrain>(silo.Name + "/" + Probe.NewKey("caller"));
            Assert.Equal(silo.Name, await grain.SiloOf(Probe.NewKey("near")));
        }
    }

    [Fact]
    public async Task Grain_CalledFromAnotherSilo_Answers()
    {
        var names = silos.Cluster.Silos.Select(s => s.Name).ToArray();
        var target = names[1] + "/" + Probe.NewKey("far");
        var caller = silos.Client.GetGrain<IPlacedGrain>(names[0] + "/" + Probe.NewKey("caller"));
        Probe.Of(target).Open();

        await caller.WaitAtGateOf(target);

        Assert.Equal(names[1], await silos.Client.GetGrain<IPlacedGrain>(target).Silo());
    }
}
