using Orleans.Kafka.Runtime.Tests.Grains;

namespace Orleans.Kafka.Runtime.Tests;

public sealed class TurnTests(TwoSilos silos) : IClassFixture<TwoSilos>
{
    [Fact]
    public async Task Calls_ToOneGrain_RunOneAfterTheOther()
    {
        var (grain, probe) = New<ITurnGrain>("turns");

        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => grain.Work()));

        Assert.Equal(1, probe.MostInside);
    }

    [Fact]
    public async Task Await_InAGrain_ComesBackToItsScheduler()
    {
        var (grain, _) = New<ITurnGrain>("scheduler");

        Assert.True(await grain.StaysInItsScheduler());
    }

    [Fact]
    public async Task AlwaysInterleave_WhileACallWaits_Runs()
    {
        var (grain, probe) = New<ITurnGrain>("interleave");
        var waiting = grain.WaitAtGate("a");
        await probe.Reached("began a");

        await grain.Look();
        probe.Open();
        await waiting;

        Assert.Equal(["began a", "looked", "ended a"], probe.Events);
    }

    [Fact]
    public async Task ReadOnly_WithReadOnly_RunsTogether()
    {
        var (grain, probe) = New<ITurnGrain>("readers");
        var readers = new[] { grain.ReadAtGate("a"), grain.ReadAtGate("b") };
        await probe.Reached("began a");
        await probe.Reached("began b");

        probe.Open();
        await Task.WhenAll(readers);

        Assert.Equal(2, probe.MostInside);
    }

    [Fact]
    public async Task Write_WhileAReadOnlyCallRuns_Waits()
    {
        var (grain, probe) = New<ITurnGrain>("readers");
        var reader = grain.ReadAtGate("a");
        await probe.Reached("began a");
        var writer = grain.WaitAtGate("b");
        await grain.Look();
        Assert.DoesNotContain("began b", probe.Events);

        probe.Open();
        await Task.WhenAll(reader, writer);

        Assert.Equal(1, probe.MostInside);
    }

    [Fact]
    public async Task ReadOnly_BehindAWaitingWrite_Overtakes()
    {
        var (grain, probe) = New<ITurnGrain>("readers");
        var first = grain.ReadAtGate("a");
        await probe.Reached("began a");
        var writer = grain.WaitAtGate("b");
        var second = grain.ReadAtGate("c");
        await probe.Reached("began c");
        Assert.DoesNotContain("began b", probe.Events);

        probe.Open();
        await Task.WhenAll(first, writer, second);
    }

    [Fact]
    public async Task ReentrantGrain_CallsInterleave()
    {
        var (grain, probe) = New<IReentrantGrain>("reentrant");
        var calls = new[] { grain.WaitAtGate("a"), grain.WaitAtGate("b") };
        await probe.Reached("began a");
        await probe.Reached("began b");

        probe.Open();
        await Task.WhenAll(calls);

        Assert.Equal(2, probe.MostInside);
    }

    [Fact]
    public async Task ReentrantGrain_CallingItself_Answers() =>
        Assert.True(await New<IReentrantGrain>("reentrant").Grain.CallsItself());

    [Fact]
    public async Task Grain_CallingItself_TimesOut() =>
        await Assert.ThrowsAsync<TimeoutException>(New<ITurnGrain>("deadlock").Grain.CallItself);

    [Fact]
    public async Task UnawaitedCalls_WithinOneSiloToAnActiveGrain_ArriveInOrder()
    {
        // Only there: real Orleans reorders calls between silos, and those that come while a grain is activated.
        var silo = silos.Cluster.Silos[0].Name;
        var source = silo + "/" + Probe.NewKey("order");
        var target = silo + "/" + Probe.NewKey("order");
        var grain = silos.Client.GetGrain<ILocalTurnGrain>(source);

        await grain.SendNumbers(target, 1);
        await grain.SendNumbers(target, 200);

        Assert.Equal(
            Enumerable.Range(0, 200).Prepend(0).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            Probe.Of(target).Events);
    }

    [Fact]
    public async Task OneWay_MethodThrows_CallerDoesNotLearn()
    {
        var (grain, probe) = New<ITurnGrain>("tell");

        await grain.Tell("a");
        await probe.Reached("told a");
    }

    [Fact]
    public async Task OneWay_WhileACallRuns_ReturnsAtOnce()
    {
        var (grain, probe) = New<ITurnGrain>("tell");
        var waiting = grain.WaitAtGate("a");
        await probe.Reached("began a");

        await grain.Tell("b");
        Assert.DoesNotContain("told b", probe.Events);

        probe.Open();
        await waiting;
        await probe.Reached("told b");
    }

    [Fact]
    public async Task ValueTaskMethods_Answer()
    {
        var (grain, _) = New<ITurnGrain>("value");

        await grain.Nothing();
        Assert.Equal(5, await grain.Add(2, 3));
    }

    private (TGrain Grain, Probe Probe) New<TGrain>(string name)
        where TGrain : IGrainWithStringKey
    {
        var key = Probe.NewKey(name);
        return (silos.Client.GetGrain<TGrain>(key), Probe.Of(key));
    }
}
