namespace Orleans.InProcess;

/// <summary>
/// Answers calls whose time is over, by one sweep a second instead of a timer per call. It rests while no call is
/// unanswered, so an idle cluster costs nothing.
/// </summary>
internal sealed class RequestTimeouts
{
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromSeconds(1);

    private readonly InProcessCluster _cluster;
    private readonly ITimer _timer;
    private int _armed;

    public RequestTimeouts(InProcessCluster cluster)
    {
        _cluster = cluster;
        using var _ = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
        _timer = cluster.TimeProvider.CreateTimer(
            static timeouts => ((RequestTimeouts)timeouts!).Sweep(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
    }

    public void Arm()
    {
        if (Volatile.Read(ref _armed) == 0 && Interlocked.Exchange(ref _armed, 1) == 0)
        {
            _timer.Change(SweepPeriod, Timeout.InfiniteTimeSpan);
        }
    }

    private void Sweep()
    {
        // Disarmed first: a call that comes during the sweep arms it again, one that came before is seen by it.
        Interlocked.Exchange(ref _armed, 0);
        var now = _cluster.TimeProvider.GetTimestamp();
        var remain = false;
        foreach (var activation in _cluster.Activations)
        {
            remain |= activation.TimeOutCalls(now);
        }

        if (remain)
        {
            Arm();
        }
    }
}
