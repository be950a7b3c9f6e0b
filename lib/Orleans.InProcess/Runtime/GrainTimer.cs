using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>Calls back in the turns of its activation, as a call that nobody waits for.</summary>
internal sealed class GrainTimer : IGrainTimer
{
    private readonly Activation _activation;
    private readonly Func<CancellationToken, Task> _callback;
    private readonly bool _interleave;
    private readonly CancellationTokenSource _disposed = new();
    private readonly ITimer _timer;
    private TimeSpan _dueTime = Timeout.InfiniteTimeSpan;
    private TimeSpan _period = Timeout.InfiniteTimeSpan;
    private volatile bool _changed;
    private volatile bool _firing;

    public GrainTimer(
        Activation activation,
        Func<CancellationToken, Task> callback,
        GrainTimerCreationOptions options,
        TimeProvider timeProvider)
    {
        _activation = activation;
        _callback = callback;
        _interleave = options.Interleave;
        var restore = !ExecutionContext.IsFlowSuppressed();
        using var _ = restore ? ExecutionContext.SuppressFlow() : default;
        _timer = timeProvider.CreateTimer(
            static timer => ((GrainTimer)timer!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Change(TimeSpan dueTime, TimeSpan period)
    {
        Validate(dueTime, nameof(dueTime));
        Validate(period, nameof(period));
        _dueTime = dueTime;
        _period = period;
        _changed = true;
        if (!_firing)
        {
            _timer.Change(dueTime, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        if (!_disposed.IsCancellationRequested)
        {
            _disposed.Cancel();
            _timer.Dispose();
            _activation.Remove(this);
        }
    }

    private static void Validate(TimeSpan time, string name)
    {
        if (time != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero, name);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(time.TotalMilliseconds, uint.MaxValue - 1, name);
        }
    }

    private void Fire()
    {
        // A change made from here on counts from the end of the callback.
        _firing = true;
        if (!_disposed.IsCancellationRequested)
        {
            _activation.Receive(new Tick(this));
        }
    }

    private async ValueTask TickAsync()
    {
        if (_disposed.IsCancellationRequested)
        {
            return;
        }

        _changed = false;
        try
        {
            await _callback(_disposed.Token);
        }
        catch (Exception exception) when (exception is not Storage.InconsistentStateException)
        {
            _activation.Silo.Log.TimerCallbackFailed(exception, _activation.GrainId);
        }
        finally
        {
            _firing = false;
            if (!_disposed.IsCancellationRequested)
            {
                _timer.Change(_changed ? _dueTime : _period, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>One callback on its way through the queue.</summary>
    internal sealed class Tick(GrainTimer timer) : VoidGrainCall
    {
        public override string Method => "grain timer";

        public override GrainCallOptions Options => timer._interleave
            ? GrainCallOptions.OneWay | GrainCallOptions.AlwaysInterleave
            : GrainCallOptions.OneWay;

        protected override ValueTask Invoke(object grain) => timer.TickAsync();
    }
}
