namespace Orleans.Kafka.Storage;

/// <summary>
/// The ladder of offsets of a partition: <c>LogStart &lt;= LastStable &lt;= HighWatermark &lt;= LogEnd</c>. Each is read
/// without a lock; the one setter checks the order.
/// </summary>
public sealed class LogOffsets
{
    private long _logStart;
    private long _lastStable;
    private long _highWatermark;
    private long _logEnd;

    /// <summary>First offset that may be read; what is below was deleted.</summary>
    public long LogStart => Volatile.Read(ref _logStart);

    /// <summary>Where readers of committed data stop: below the first transaction that is not decided.</summary>
    public long LastStable => Volatile.Read(ref _lastStable);

    /// <summary>Where consumers stop: all replicas in sync have what is below.</summary>
    public long HighWatermark => Volatile.Read(ref _highWatermark);

    /// <summary>The offset that the next record gets.</summary>
    public long LogEnd => Volatile.Read(ref _logEnd);

    /// <summary>Sets all four.</summary>
    /// <exception cref="InvalidOperationException">They are out of order: the log is in an impossible state.</exception>
    internal void Set(long logStart, long lastStable, long highWatermark, long logEnd)
    {
        if (logStart < 0 || logStart > lastStable || lastStable > highWatermark || highWatermark > logEnd)
        {
            throw new InvalidOperationException(
                $"Offsets out of order: {logStart} <= {lastStable} <= {highWatermark} <= {logEnd}");
        }

        // A reader that sees a new value sees at least as high a log end.
        Volatile.Write(ref _logEnd, logEnd);
        Volatile.Write(ref _highWatermark, highWatermark);
        Volatile.Write(ref _lastStable, lastStable);
        Volatile.Write(ref _logStart, logStart);
    }
}
