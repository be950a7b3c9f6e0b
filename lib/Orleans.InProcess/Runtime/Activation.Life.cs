using Microsoft.Extensions.DependencyInjection;
using Orleans.GrainDirectory;
using Orleans.Runtime;

namespace Orleans.InProcess;

internal enum ActivationState
{
    /// <summary>Placed or being placed; no code of the grain has run.</summary>
    Created,

    /// <summary>Constructs, reads state, runs OnActivateAsync.</summary>
    Activating,

    /// <summary>Runs calls.</summary>
    Valid,

    /// <summary>Runs OnDeactivateAsync.</summary>
    Ending,

    /// <summary>Runs nothing any more; calls that come are passed on.</summary>
    Ended,
}

/// <content>How an activation begins and ends.</content>
internal sealed partial class Activation
{
    private readonly Lock _lifeLock = new();
    private volatile ActivationState _state;
    private volatile bool _isEnding;
    private bool _isInTransition;
    private DeactivationReason _reason;
    private GrainAddress? _address;
    private Exception? _rejection;
    private CancellationTokenSource? _activating;
    private TaskCompletionSource? _ended;
    private AsyncServiceScope? _scope;
    private List<ILoadedState>? _states;
    private List<GrainTimer>? _timers;

    /// <summary>True once calls must look for another activation.</summary>
    public bool IsClosed => _state == ActivationState.Ended || _killed;

    public Task Deactivated
    {
        get
        {
            lock (_lifeLock)
            {
                _ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                if (IsClosed)
                {
                    _ended.TrySetResult();
                }

                return _ended.Task;
            }
        }
    }

    /// <summary>The silo is chosen: the activation begins.</summary>
    public void StartOn(Silo silo)
    {
        PlacedOn = silo;
        _turns.Enqueue((Action)(() => BeginTransition(BeginAsync)));
    }

    /// <summary>No silo could be chosen: the calls that wait get the reason.</summary>
    public void FailPlacement(Exception exception)
    {
        _rejection = exception;
        Cluster.Forget(this);
        _turns.Enqueue((Action)(() =>
        {
            _state = ActivationState.Ended;
            _attention = true;
        }));
    }

    public void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default)
    {
        lock (_lifeLock)
        {
            if (_isEnding || IsClosed)
            {
                return;
            }

            _reason = deactivationReason;
            _isEnding = true;
            _activating?.Cancel();
        }

        _turns.Enqueue((Action)(() => _attention = true));
    }

    public void DeactivateOnIdle() => Deactivate(new DeactivationReason(
        DeactivationReasonCode.ApplicationRequested, "DeactivateOnIdle was called."));

    /// <summary>The silo is gone from one moment to the next: nothing of the grain runs any more.</summary>
    public void Kill()
    {
        _killed = true;
        _unanswered.Die();
        DisposeTimers();
        lock (_lifeLock)
        {
            _ended?.TrySetResult();
        }
    }

    public void AddState(ILoadedState state) => (_states ??= []).Add(state);

    public IGrainTimer RegisterTimer(Func<CancellationToken, Task> callback, GrainTimerCreationOptions options)
    {
        var timer = new GrainTimer(this, callback, options, Silo.TimeProvider);
        lock (_lifeLock)
        {
            (_timers ??= []).Add(timer);
        }

        timer.Change(options.DueTime, options.Period);
        return timer;
    }

    public void Remove(GrainTimer timer)
    {
        lock (_lifeLock)
        {
            _timers?.Remove(timer);
        }
    }

    private void BeginTransition(Func<Task> transition)
    {
        _isInTransition = true;
        _ = transition();
    }

    private void EndTransition(ActivationState state)
    {
        _state = state;
        _isInTransition = false;
        _attention = true;
    }

    private async Task BeginAsync()
    {
        if (Silo.Status == SiloStatus.Dead)
        {
            Cluster.Forget(this);
            Kill();
            return;
        }

        _state = ActivationState.Activating;
        using var timeout = new CancellationTokenSource(Silo.Options.ActivationTimeout, Silo.TimeProvider);
        lock (_lifeLock)
        {
            _activating = timeout;
        }

        try
        {
            if (Silo.DirectoryOf(Class) is { } directory)
            {
                await RegisterAsync(directory).WaitAsync(timeout.Token);
            }

            _scope = Silo.Services.CreateAsyncScope();
            GrainInstance = Class.Create(this);
            foreach (var state in _states ?? [])
            {
                await state.LoadAsync(timeout.Token).WaitAsync(timeout.Token);
            }

            if (GrainInstance is IGrainBase grain)
            {
                await grain.OnActivateAsync(timeout.Token).WaitAsync(timeout.Token);
            }

            EndTransition(_isEnding ? ActivationState.Activating : ActivationState.Valid);
        }
        catch (Exception exception)
        {
            FailActivation(exception, timeout.IsCancellationRequested);
        }
        finally
        {
            lock (_lifeLock)
            {
                _activating = null;
            }
        }
    }

    private async Task RegisterAsync(IGrainDirectory directory)
    {
        var address = new GrainAddress
        {
            GrainId = GrainId,
            ActivationId = Cluster.NewActivationId(),
            SiloAddress = Silo.SiloAddress,
            MembershipVersion = Cluster.CurrentSnapshot.Version,
        };
        GrainAddress? previous = null;
        while (await directory.Register(address, previous) is { } registered && !address.Equals(registered))
        {
            // An entry of this silo is left over from an activation that could not take it out.
            if (!Silo.SiloAddress.Equals(registered.SiloAddress) || registered.Equals(previous))
            {
                throw new OrleansException($"{GrainId} is active already: {registered}");
            }

            previous = registered;
        }

        _address = address;
    }

    private async Task UnregisterAsync()
    {
        if (_address is not { } address)
        {
            return;
        }

        try
        {
            await Silo.DirectoryOf(Class)!.Unregister(address);
        }
        catch (Exception exception)
        {
            Silo.Log.DeactivationFailed(exception, GrainId);
        }
    }

    private void FailActivation(Exception exception, bool cancelled)
    {
        if (!(cancelled && _isEnding))
        {
            _rejection = exception;
            Silo.Log.ActivationFailed(exception, GrainId);
        }

        Deactivate(new DeactivationReason(
            DeactivationReasonCode.ActivationFailed, exception, "Failed to activate grain."));
        EndTransition(ActivationState.Activating);
    }

    private async Task EndAsync()
    {
        var ran = _state == ActivationState.Valid;
        _state = ActivationState.Ending;
        DisposeTimers();
        if (ran && GrainInstance is IGrainBase grain)
        {
            try
            {
                using var timeout = new CancellationTokenSource(Silo.Options.DeactivationTimeout, Silo.TimeProvider);
                await grain.OnDeactivateAsync(_reason, timeout.Token).WaitAsync(timeout.Token);
            }
            catch (Exception exception)
            {
                Silo.Log.DeactivationFailed(exception, GrainId);
            }
        }

        await UnregisterAsync();
        Cluster.Forget(this);
        await ReleaseAsync();
        EndTransition(ActivationState.Ended);
        lock (_lifeLock)
        {
            _ended?.TrySetResult();
        }
    }

    private async Task ReleaseAsync()
    {
        try
        {
            switch (GrainInstance)
            {
                case IAsyncDisposable disposable:
                    await disposable.DisposeAsync();
                    break;
                case IDisposable disposable:
                    disposable.Dispose();
                    break;
            }

            if (_scope is { } scope)
            {
                await scope.DisposeAsync();
            }
        }
        catch (Exception exception)
        {
            Silo.Log.DeactivationFailed(exception, GrainId);
        }
    }

    private void DisposeTimers()
    {
        GrainTimer[] timers;
        lock (_lifeLock)
        {
            timers = _timers?.ToArray() ?? [];
            _timers = null;
        }

        foreach (var timer in timers)
        {
            timer.Dispose();
        }
    }
}
