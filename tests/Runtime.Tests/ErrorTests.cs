using Orleans.Kafka.Runtime.Tests.Grains;

namespace Orleans.Kafka.Runtime.Tests;

public sealed class ErrorTests(TwoSilos silos) : IClassFixture<TwoSilos>
{
    [Fact]
    public async Task Method_Throws_CallerGetsTypeAndMessage()
    {
        var grain = silos.Client.GetGrain<ILifeGrain>(Probe.NewKey("throw"));

        Assert.Equal("late", (await Assert.ThrowsAsync<ArgumentException>(() => grain.Throw("late"))).Message);
        Assert.Equal("soon", (await Assert.ThrowsAsync<ArgumentException>(() => grain.ThrowAtOnce("soon"))).Message);
    }

    [Fact]
    public async Task Method_Throws_ActivationLives()
    {
        var grain = silos.Client.GetGrain<ILifeGrain>(Probe.NewKey("throw"));
        await Assert.ThrowsAsync<ArgumentException>(() => grain.Throw("late"));

        Assert.Equal(1, await grain.Activation());
    }

    [Fact]
    public async Task Cancellation_WhileTheMethodRuns_ReachesItAndEndsTheWait()
    {
        var key = Probe.NewKey("cancel");
        using var cancellation = new CancellationTokenSource();
        var call = silos.Client.GetGrain<ILifeGrain>(key).WaitForCancellation(cancellation.Token);
        await Probe.Of(key).Reached("waiting");

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await Probe.Of(key).Reached("saw cancellation");
    }

    [Fact]
    public async Task Cancellation_BeforeTheCall_DoesNotRunIt()
    {
        var key = Probe.NewKey("cancel");
        var grain = silos.Client.GetGrain<ILifeGrain>(key);
        await grain.Activation();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => grain.WaitForCancellation(new CancellationToken(canceled: true)));

        await grain.Activation();
        Assert.DoesNotContain("waiting", Probe.Of(key).Events);
    }
}
