using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <content>Recovering the logs of a directory that was not closed cleanly.</content>
public sealed partial class ReplicaHost
{
    /// <summary>A recovery that takes longer is told of, and then this often.</summary>
    private static readonly TimeSpan ProgressPeriod = TimeSpan.FromSeconds(5);

    /// <summary>
    /// After an unclean stop, opens the logs of this broker's replicas on <c>num.recovery.threads.per.data.dir</c> threads,
    /// the calling one among them, and says in the log how far it is if it takes long. Before any grain asks for them: a
    /// recovery of minutes is no business of a grain call, which would be given up. The logs of a directory that was closed
    /// cleanly are left to their grains. Blocks.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped in between.</exception>
    public void Recover(ClusterSnapshot snapshot, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        LogDirectory directory = Directory;
        if (directory.WasClean)
        {
            return;
        }

        IEnumerable<LogToOpen> logs =
            from topic in snapshot.Topics
            from partition in topic.Partitions
            where Array.IndexOf(partition.Replicas, _settings.NodeId) >= 0
            select new LogToOpen(topic.Name, partition.Partition, topic.Id.ToKafkaUuid(), ConfigOf(topic.Configs));
        long started = _clock.GetTimestamp();
        bool isLong = false;
        RecoveryProgress progress;
        using (_clock.CreateTimer(_ => isLong |= Report(directory, started), null, ProgressPeriod, ProgressPeriod))
        {
            progress = directory.OpenAll(logs, _settings.Value.RecoveryThreads, stop);
        }

        if (isLong)
        {
            LogRecovered(
                _logger, directory.Path, progress.Logs, Megabytes(progress.Bytes), progress.Threads,
                _clock.GetElapsedTime(started).TotalSeconds);
        }
    }

    private bool Report(LogDirectory directory, long started)
    {
        if (directory.Recovery is not { } progress)
        {
            return false;
        }

        LogRecovering(
            _logger, directory.Path, progress.Percent, Megabytes(progress.BytesDone), Megabytes(progress.Bytes),
            progress.LogsDone, progress.Logs, _clock.GetElapsedTime(started).TotalSeconds);
        return true;
    }

    private static double Megabytes(long bytes) => bytes / 1e6;

    [LoggerMessage(3204, LogLevel.Information,
        "recovering {Directory}: {Percent:F0} %, {Done:F0} of {Total:F0} MB, {Logs} of {AllLogs} partitions after {Seconds:F0} s")]
    private static partial void LogRecovering(
        ILogger logger, string directory, double percent, double done, double total, int logs, int allLogs, double seconds);

    [LoggerMessage(3205, LogLevel.Information,
        "recovered {Directory}: {Logs} partitions, {Total:F0} MB, on {Threads} threads in {Seconds:F1} s")]
    private static partial void LogRecovered(
        ILogger logger, string directory, int logs, double total, int threads, double seconds);
}
