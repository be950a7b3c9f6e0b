namespace Orleans.Kafka.Grains.Tests;

/// <summary>A clock that stands still until a test moves it; timers fire on the thread that does.</summary>
internal sealed class ManualClock : TimeProvider
{
    private readonly List<ManualTimer> _timers = [];
    private TimeSpan _elapsed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How often timers went off.</summary>
    public int Fired { get; private set; }

    public int ActiveTimers => _timers.Count(timer => timer.IsActive);

    public override long GetTimestamp() => _elapsed.Ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + _elapsed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        _timers.Add(timer);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        TimeSpan end = _elapsed + by;
        while (_timers.Where(timer => timer.IsActive && timer.Due <= end).MinBy(timer => timer.Due) is { } next)
        {
            _elapsed = next.Due;
            Fired++;
            next.Fire();
        }

        _elapsed = end;
    }

    private sealed class ManualTimer(ManualClock clock, Action callback) : ITimer
    {
        private TimeSpan _period;

        public bool IsActive { get; private set; }

        public TimeSpan Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            IsActive = dueTime != Timeout.InfiniteTimeSpan;
            Due = clock._elapsed + (IsActive ? dueTime : TimeSpan.Zero);
            _period = period;
            return true;
        }

        public void Fire()
        {
            IsActive = _period != Timeout.InfiniteTimeSpan;
            Due += IsActive ? _period : TimeSpan.Zero;
            callback();
        }

        public void Dispose() => IsActive = false;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
