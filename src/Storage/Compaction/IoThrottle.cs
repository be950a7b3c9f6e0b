namespace Orleans.Kafka.Storage;

/// <summary>
/// Keeps cleaning below a number of bytes per second, read and written together, for all threads that share it
/// (log.cleaner.io.max.bytes.per.second). Thread-safe.
/// </summary>
public sealed class IoThrottle
{
    private const double NoticeableMs = 1;
    private const double LongestNapMs = 100;

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly double _bytesPerMs;
    private long _since;
    private double _debtMs;

    /// <param name="time">The clock that is waited on.</param>
    /// <param name="bytesPerSecond">The limit; nothing is held up from <see cref="long.MaxValue"/> on.</param>
    public IoThrottle(TimeProvider time, double bytesPerSecond)
    {
        _time = time;
        _bytesPerMs = Math.Max(1, bytesPerSecond) / 1000;
        IsUnlimited = bytesPerSecond >= long.MaxValue;
        _since = time.GetTimestamp();
    }

    /// <summary>Nothing is ever held up.</summary>
    public bool IsUnlimited { get; }

    /// <summary>
    /// Notes bytes read or written and blocks the thread while there were too many; every now and then it looks up by
    /// <paramref name="checkpoint"/>, which may end the wait by throwing.
    /// </summary>
    public void Spent(long bytes, Action? checkpoint, CancellationToken stop)
    {
        if (IsUnlimited)
        {
            return;
        }

        double wait;
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            _debtMs = Math.Max(0, _debtMs - _time.GetElapsedTime(_since, now).TotalMilliseconds) + (bytes / _bytesPerMs);
            _since = now;
            wait = _debtMs;
        }

        for (; wait >= NoticeableMs && !stop.IsCancellationRequested; wait -= LongestNapMs)
        {
            Wait(TimeSpan.FromMilliseconds(Math.Min(wait, LongestNapMs)), stop);
            checkpoint?.Invoke();
        }
    }

    private void Wait(TimeSpan span, CancellationToken stop)
    {
        using var over = new ManualResetEventSlim();
        using var timer = _time.CreateTimer(static o => ((ManualResetEventSlim)o!).Set(), over, span, Timeout.InfiniteTimeSpan);
        try
        {
            over.Wait(stop);
        }
        catch (OperationCanceledException)
        {
            // Whoever asked sees the token himself.
        }
    }
}
