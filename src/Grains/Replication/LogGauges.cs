using System.Diagnostics.Metrics;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// Shows the logs of a broker as they are at the moment somebody asks: nothing is kept up to date for it, and while
/// nobody listens none of it runs.
/// </summary>
internal sealed class LogGauges
{
    private readonly LocalReplicas _replicas;
    private readonly LogEnvironment _environment;
    private readonly Func<LogDirectory?> _directory;

    /// <param name="meter">The meter that the instruments belong to.</param>
    /// <param name="replicas">The replicas that are open.</param>
    /// <param name="environment">What their logs share.</param>
    /// <param name="directory">The log directory while it is open.</param>
    public LogGauges(Meter meter, LocalReplicas replicas, LogEnvironment environment, Func<LogDirectory?> directory)
    {
        _replicas = replicas;
        _environment = environment;
        _directory = directory;
        ShowPartitions(meter);
        ShowBroker(meter);
        ShowFiles(meter);
        ShowRecovery(meter);
    }

    private IEnumerable<Replica> Open => _replicas.All.Where(replica => !replica.Log.IsClosed);

    private void ShowPartitions(Meter meter)
    {
        Each(meter, "kafka.log.size", "By", "Bytes of all segments of a partition.", log => log.SizeBytes);
        Each(meter, "kafka.log.segments", "{segment}", "Segments of a partition.", log => log.SegmentCount);
        Each(meter, "kafka.log.start.offset", "{offset}", "First offset of a partition.", log => log.Offsets.LogStart);
        Each(meter, "kafka.log.end.offset", "{offset}", "Offset behind the last of a partition.", log => log.Offsets.LogEnd);
        Each(
            meter, "kafka.log.unflushed", "{record}", "Offsets of a partition that a power loss may take: those at or behind the recovery point.",
            log => Math.Max(0, log.Offsets.LogEnd - Math.Max(log.RecoveryPoint, log.Offsets.LogStart)));
        meter.CreateObservableGauge(
            "kafka.log.cleaner.dirty.ratio", DirtyRatios, "1", "Share of a compacted partition that waits to be cleaned, from 0 to 1.");
    }

    private void ShowBroker(Meter meter)
    {
        meter.CreateObservableGauge("kafka.log.partitions", () => Open.Count(), "{partition}", "Partitions that are open.");
        meter.CreateObservableGauge(
            "kafka.log.failed", () => Open.Count(each => each.Log.IsFailed), "{partition}",
            "Partitions whose disk failed and that could not be opened again yet.");
        meter.CreateObservableGauge(
            "kafka.log.cleaner.uncleanable", () => Open.Count(each => each.Log.UncleanableReason is not null), "{partition}",
            "Partitions that are not cleaned because of damage.");
    }

    private void ShowFiles(Meter meter)
    {
        OpenFileCache files = _environment.OpenFiles;
        meter.CreateObservableGauge("kafka.log.files.open", () => files.Count, "{file}", "Files of segments that are open.");
        meter.CreateObservableGauge(
            "kafka.log.files.limit", () => files.Limit, "{file}", "Files of segments that are kept open at most while others are idle.");
        meter.CreateObservableCounter("kafka.log.files.opened", () => files.Opened, "{file}", "Files of segments opened.");
        meter.CreateObservableCounter(
            "kafka.log.files.evicted", () => files.Evicted, "{file}", "Idle files of segments closed to stay below the limit.");
        meter.CreateObservableGauge(
            "kafka.log.deletions.waiting", () => _environment.Deletions.Count, "{path}",
            "Files and directories that wait for their removal.");
    }

    private void ShowRecovery(Meter meter)
    {
        meter.CreateObservableGauge(
            "kafka.log.recovery.progress", () => OfRecovery(each => each.Percent), "%",
            "How far the recovery at the start is; nothing when none runs.");
        meter.CreateObservableGauge(
            "kafka.log.recovery.logs.remaining", () => OfRecovery<long>(each => each.Logs - each.LogsDone), "{partition}",
            "Partitions that are still to be recovered.");
        meter.CreateObservableGauge(
            "kafka.log.recovery.bytes.remaining", () => OfRecovery(each => each.Bytes - each.BytesDone), "By",
            "Bytes that are still to be looked through.");
        meter.CreateObservableGauge(
            "kafka.log.recovery.segments.remaining", SegmentsLeft, "{segment}",
            "Segments still to be looked through in the partition that a thread is at.");
    }

    private void Each(Meter meter, string name, string unit, string description, Func<PartitionLog, long> value) =>
        meter.CreateObservableGauge(
            name, () => Open.Select(each => new Measurement<long>(value(each.Log), TagsOf(each))), unit, description);

    private IEnumerable<Measurement<double>> DirtyRatios()
    {
        foreach (Replica replica in Open)
        {
            if (replica.Log.Config.Compact && DirtyRatio(replica.Log) is { } ratio)
            {
                yield return new Measurement<double>(ratio, TagsOf(replica));
            }
        }
    }

    private static double? DirtyRatio(PartitionLog log)
    {
        try
        {
            return log.MeasureCleanable().DirtyRatio;
        }
        catch (IOException)
        {
            // The age of its records could not be read. Whoever reads the log will hear of it.
            return null;
        }
    }

    private Measurement<T>[] OfRecovery<T>(Func<RecoveryProgress, T> value)
        where T : struct =>
        _directory() is { Recovery: { } recovery } directory
            ? [new Measurement<T>(value(recovery), new KeyValuePair<string, object?>("directory", directory.Path))]
            : [];

    private Measurement<long>[] SegmentsLeft() =>
        _directory() is { Recovery: { } recovery } directory
            ?
            [
                .. Enumerable.Range(0, recovery.Threads).Select(thread => new Measurement<long>(
                    recovery.SegmentsLeft(thread), new("directory", directory.Path), new("thread", thread))),
            ]
            : [];

    private static KeyValuePair<string, object?>[] TagsOf(Replica replica) =>
        [new("topic", replica.Topic), new("partition", replica.Partition)];
}
