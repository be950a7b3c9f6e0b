using System.Diagnostics.Metrics;

namespace Orleans.Kafka.Storage;

/// <summary>What the storage measures where it happens. Costs a look at a flag while nobody listens. Thread-safe.</summary>
public sealed class LogInstruments
{
    internal static readonly KeyValuePair<string, object?> Segment = new("kind", "segment");
    internal static readonly KeyValuePair<string, object?> Group = new("kind", "group");
    internal static readonly KeyValuePair<string, object?> FileSystem = new("kind", "filesystem");

    private const long NobodyListens = -1;

    private readonly TimeProvider _time;
    private readonly Histogram<double> _flushes;

    /// <summary>Makes the instruments.</summary>
    /// <param name="meter">The meter that they belong to.</param>
    /// <param name="time">The clock.</param>
    public LogInstruments(Meter meter, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(meter);
        _time = time;
        _flushes = meter.CreateHistogram<double>(
            "kafka.log.flush.duration", "s", "Time that flushes to the disk took; its count is how many there were.");
    }

    /// <summary>A flush begins.</summary>
    /// <returns>To be given to <see cref="FlushEnded"/>.</returns>
    internal long FlushBegins() => _flushes.Enabled ? _time.GetTimestamp() : NobodyListens;

    /// <summary>A flush has succeeded.</summary>
    internal void FlushEnded(long began, in KeyValuePair<string, object?> kind)
    {
        if (began != NobodyListens)
        {
            _flushes.Record(_time.GetElapsedTime(began).TotalSeconds, kind);
        }
    }
}
