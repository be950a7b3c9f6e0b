using Orleans.Concurrency;

namespace Orleans.Kafka.Runtime.Tests.Grains;

public interface ITurnGrain : IGrainWithStringKey
{
    Task Work();

    Task WaitAtGate(string name);

    [ReadOnly]
    Task ReadAtGate(string name);

    [AlwaysInterleave]
    Task Look();

    [OneWay]
    Task Tell(string name);

    Task<bool> StaysInItsScheduler();

    [ResponseTimeout("00:00:02")]
    Task CallItself();

    ValueTask<int> Add(int left, int right);

    ValueTask Nothing();
}

public sealed class TurnGrain : Grain, ITurnGrain
{
    private Probe Probe => Probe.Of(this.GetPrimaryKeyString());

    public async Task Work()
    {
        Probe.Enter();
        await Task.Yield();
        Probe.Leave();
    }

    public async Task WaitAtGate(string name)
    {
        Probe.Enter();
        Probe.Note("began " + name);
        await Probe.Gate;
        Probe.Note("ended " + name);
        Probe.Leave();
    }

    public Task ReadAtGate(string name) => WaitAtGate(name);

    public Task Look()
    {
        Probe.Note("looked");
        return Task.CompletedTask;
    }

    public Task Tell(string name)
    {
        Probe.Note("told " + name);
        throw new InvalidOperationException("nobody hears this");
    }

    public async Task<bool> StaysInItsScheduler()
    {
        var mine = TaskScheduler.Current;
        await Task.Yield();
        var afterYield = TaskScheduler.Current;
        await Task.Run(() => { });
        var afterPool = TaskScheduler.Current;
        var child = await Task.Factory.StartNew(() => TaskScheduler.Current);
        return mine != TaskScheduler.Default && mine == afterYield && mine == afterPool && mine == child;
    }

    public Task CallItself() => this.AsReference<ITurnGrain>().Work();

    public ValueTask<int> Add(int left, int right) => new(left + right);

    public async ValueTask Nothing() => await Task.Yield();
}

public interface IReentrantGrain : IGrainWithStringKey
{
    Task WaitAtGate(string name);

    Task<bool> CallsItself();

    Task<bool> Answer();
}

[Reentrant]
public sealed class ReentrantGrain : Grain, IReentrantGrain
{
    public async Task WaitAtGate(string name)
    {
        var probe = Probe.Of(this.GetPrimaryKeyString());
        probe.Enter();
        probe.Note("began " + name);
        await probe.Gate;
        probe.Leave();
    }

    public Task<bool> CallsItself() => this.AsReference<IReentrantGrain>().Answer();

    public Task<bool> Answer() => Task.FromResult(true);
}

public interface ILocalTurnGrain : IGrainWithStringKey
{
    Task Append(int number);

    Task SendNumbers(string target, int count);
}

/// <summary>Source and target of numbered calls, on the silo that the key names.</summary>
[BySiloName]
public sealed class LocalTurnGrain : Grain, ILocalTurnGrain
{
    public Task Append(int number)
    {
        Probe.Of(this.GetPrimaryKeyString()).Note(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return Task.CompletedTask;
    }

    public Task SendNumbers(string target, int count)
    {
        var grain = GrainFactory.GetGrain<ILocalTurnGrain>(target);
        return Task.WhenAll(Enumerable.Range(0, count).Select(grain.Append));
    }
}
