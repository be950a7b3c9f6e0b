using Orleans.Placement;

namespace Orleans.Kafka.Runtime.Tests.Grains;

public interface ILifeGrain : IGrainWithStringKey
{
    Task<int> Activation();

    Task<string> Identity();

    Task<string> Silo();

    Task End();

    Task EndThenWait();

    Task Throw(string message);

    Task<int> ThrowAtOnce(string message);

    Task WaitForCancellation(CancellationToken cancellationToken);

    Task<string> SiloOf(string key);

    Task WaitAtGateOf(string key);

    Task WaitAtGate();
}

public class LifeGrain(ILocalSiloDetails silo) : Grain, ILifeGrain
{
    private int _activation;

    private Probe Probe => Probe.Of(this.GetPrimaryKeyString());

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await Task.Yield();
        if (Probe.FailActivation is { } failure)
        {
            throw failure;
        }

        _activation = Interlocked.Increment(ref Probe.Activations);
        Probe.Note("activated");
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Probe.Note("deactivated " + reason.ReasonCode);
        return Task.CompletedTask;
    }

    public Task<int> Activation() => Task.FromResult(_activation);

    public Task<string> Identity() => Task.FromResult(this.GetGrainId().ToString());

    public Task<string> Silo() => Task.FromResult(silo.Name);

    public Task End()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public async Task EndThenWait()
    {
        DeactivateOnIdle();
        Probe.Note("ending");
        await Probe.Gate;
        Probe.Note("worked to the end");
    }

    public async Task Throw(string message)
    {
        await Task.Yield();
        throw new ArgumentException(message);
    }

    public Task<int> ThrowAtOnce(string message) => throw new ArgumentException(message);

    public async Task WaitForCancellation(CancellationToken cancellationToken)
    {
        Probe.Note("waiting");
        var cancelled = new TaskCompletionSource();
        await using var registration = cancellationToken.Register(cancelled.SetResult);
        await cancelled.Task;
        Probe.Note("saw cancellation");
        cancellationToken.ThrowIfCancellationRequested();
    }

    public Task<string> SiloOf(string key) => GrainFactory.GetGrain<IPlacedGrain>(key).Silo();

    public Task WaitAtGateOf(string key) => GrainFactory.GetGrain<IPlacedGrain>(key).WaitAtGate();

    public async Task WaitAtGate()
    {
        Probe.Note("waiting");
        await Probe.Gate;
    }
}

public interface IPlacedGrain : IGrainWithStringKey
{
    Task<string> Silo();

    Task WaitAtGate();

    Task<string> SiloOf(string key);

    Task WaitAtGateOf(string key);
}

/// <summary>Lives on the silo that its key names before the slash.</summary>
[BySiloName]
public sealed class PlacedGrain(ILocalSiloDetails silo) : Grain, IPlacedGrain
{
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Probe.Of(this.GetPrimaryKeyString()).Note("deactivated " + reason.ReasonCode);
        return Task.CompletedTask;
    }

    public Task<string> Silo() => Task.FromResult(silo.Name);

    public async Task WaitAtGate()
    {
        var probe = Probe.Of(this.GetPrimaryKeyString());
        probe.Note("waiting");
        await probe.Gate;
    }

    public Task<string> SiloOf(string key) => GrainFactory.GetGrain<INearGrain>(key).Silo();

    public Task WaitAtGateOf(string key) => GrainFactory.GetGrain<IPlacedGrain>(key).WaitAtGate();
}

public interface INearGrain : IGrainWithStringKey
{
    Task<string> Silo();
}

[PreferLocalPlacement]
public sealed class NearGrain(ILocalSiloDetails silo) : Grain, INearGrain
{
    public Task<string> Silo() => Task.FromResult(silo.Name);
}
