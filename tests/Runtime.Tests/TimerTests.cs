using Orleans.Kafka.Runtime.Tests.Grains;

namespace Orleans.Kafka.Runtime.Tests;

public sealed class TimerTests(TwoSilos silos) : IClassFixture<TwoSilos>
{
    [Fact]
    public async Task Timer_Ticks_UntilDisposed()
    {
        var (grain, probe) = New("ticks");
        await grain.Start(interleave: false);
        await probe.Reached("tick 3");

        await grain.Stop();

        // No tick runs after the call that disposed the timer: whatever was queued behind it finds it disposed.
        await grain.HoldAndCount();
        Assert.Equal("counted", probe.Events[^1]);
        Assert.StartsWith("stopped", probe.Events[^2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Timer_WhileACallRuns_Waits()
    {
        var (grain, probe) = New("waits");
        await grain.Start(interleave: false);
        await probe.Reached("tick 1");
        var holding = grain.HoldUntilGate();
        await probe.Reached("holding");
        await grain.LookAfterTickTime();
        probe.Open();
        await holding;

        var events = probe.Events.ToList();
        var held = events.IndexOf("holding");
        Assert.Equal("looked", events[held + 1]);
        Assert.Equal(1, probe.MostInside);
        await grain.Stop();
    }

    [Fact]
    public async Task Timer_Interleaving_TicksWhileACallRuns()
    {
        var (grain, probe) = New("interleaves");
        var holding = grain.HoldUntilGate();
        await probe.Reached("holding");
        await grain.StartInterleaving();

        await probe.Reached("tick 2");

        probe.Open();
        await holding;
        await grain.Stop();
    }

    [Fact]
    public async Task Timer_CallbackThrows_TicksOn()
    {
        var (grain, probe) = New("fails");
        await grain.StartFailing();

        await probe.Reached("tick 3");

        await grain.Stop();
    }

    [Fact]
    public async Task Timer_WithoutPeriod_TicksOnce()
    {
        var (grain, probe) = New("once");
        await grain.StartOnce();
        await probe.Reached("tick 1");
        await grain.LookAfterTickTime();

        Assert.Equal(1, probe.Events.Count(e => e.StartsWith("tick", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Timer_Changed_TicksAgain()
    {
        var (grain, probe) = New("changed");
        await grain.StartOnce();
        await probe.Reached("tick 1");

        await grain.TickAgain();

        await probe.Reached("tick 2");
    }

    [Fact]
    public async Task Timer_OfEndedActivation_IsDisposed()
    {
        var (grain, probe) = New("ended");
        await grain.Start(interleave: false);
        await probe.Reached("tick 2");

        await grain.End();

        await probe.Reached("timer cancelled");
    }

    private (ITimerGrain Grain, Probe Probe) New(string name)
    {
        var key = Probe.NewKey(name);
        return (silos.Client.GetGrain<ITimerGrain>(key), Probe.Of(key));
    }
}
