using Orleans.Concurrency;

namespace Orleans.Kafka.Runtime.Tests.Grains;

public interface ITimerGrain : IGrainWithStringKey
{
    Task Start(bool interleave);

    [AlwaysInterleave]
    Task StartInterleaving();

    Task StartFailing();

    Task StartOnce();

    Task TickAgain();

    Task Stop();

    Task HoldUntilGate();

    Task HoldAndCount();

    [AlwaysInterleave]
    Task LookAfterTickTime();

    Task End();
}

public sealed class TimerGrain : Grain, ITimerGrain
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(20);

    private IGrainTimer? _timer;
    private int _ticks;

    private Probe Probe => Probe.Of(this.GetPrimaryKeyString());

    public Task Start(bool interleave)
    {
        _timer = this.RegisterGrainTimer(
            TickAsync, new GrainTimerCreationOptions(Soon, Soon) { Interleave = interleave });
        return Task.CompletedTask;
    }

    public Task StartInterleaving() => Start(interleave: true);

    public Task StartFailing()
    {
        _timer = this.RegisterGrainTimer(
            static async (grain, token) =>
            {
                await grain.TickAsync(token);
                throw new InvalidOperationException("a tick fails");
            },
            this,
            Soon,
            Soon);
        return Task.CompletedTask;
    }

    public Task StartOnce()
    {
        _timer = this.RegisterGrainTimer(TickAsync, Soon, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    public Task TickAgain()
    {
        _timer!.Change(Soon, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    public Task Stop()
    {
        _timer!.Dispose();
        Probe.Note("stopped after " + _ticks);
        return Task.CompletedTask;
    }

    public async Task HoldUntilGate()
    {
        Probe.Enter();
        Probe.Note("holding");
        await Probe.Gate;
        Probe.Leave();
    }

    public async Task HoldAndCount()
    {
        await Task.Delay(Soon * 3);
        await Task.Yield();
        Probe.Note("counted");
    }

    public async Task LookAfterTickTime()
    {
        await Task.Delay(Soon * 5);
        Probe.Note("looked");
    }

    public Task End()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    private Task TickAsync(CancellationToken cancellationToken)
    {
        if (_ticks == 0)
        {
            var probe = Probe;
            cancellationToken.Register(() => probe.Note("timer cancelled"));
        }

        Probe.Enter();
        Probe.Note("tick " + ++_ticks);
        Probe.Leave();
        return Task.CompletedTask;
    }
}
