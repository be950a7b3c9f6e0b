using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// Cleans compacted logs in the background, the dirtiest first. Every <c>log.cleaner.backoff.ms</c> one more worker
/// starts, up to <c>log.cleaner.threads</c>, on a pool thread, and works until no log is due. A log that could not be
/// cleaned is left alone for a while, one that holds damage until it is opened anew.
/// </summary>
public sealed partial class LogCleaner(
    LocalReplicas replicas, CurrentSettings settings, TimeProvider clock, ILogger<LogCleaner> logger, IMeterFactory? meters = null)
    : IDisposable
{
    private static readonly TimeSpan RestAfterFailure = TimeSpan.FromMinutes(5);

    private readonly object _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<PartitionLog> _inWork = [];
    private readonly Dictionary<PartitionLog, long> _restUntil = [];
    private readonly CleanerInstruments? _instruments =
        meters?.Create(KafkaMeter.Name) is { } meter ? new CleanerInstruments(meter) : null;
    private ITimer? _timer;
    private IoThrottle? _throttle;
    private double _throttledAt;
    private int _workers;

    /// <summary>Starts, unless <c>log.cleaner.enable</c> forbids it.</summary>
    public void Start()
    {
        BrokerSettings current = settings.Value;
        if (current.CleanerEnabled)
        {
            _timer = clock.CreateTimer(
                static cleaner => ((LogCleaner)cleaner!).Tick(), this, current.CleanerBackoff, current.CleanerBackoff);
        }
    }

    /// <summary>Stops. Workers are waited for: they see it at their next read.</summary>
    public void Dispose()
    {
        _timer?.Dispose();
        _stop.Cancel();
        lock (_gate)
        {
            while (_workers > 0)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    private long RestTicks => (long)(RestAfterFailure.TotalSeconds * clock.TimestampFrequency);

    private void Tick()
    {
        BrokerSettings current = settings.Value;
        _timer?.Change(current.CleanerBackoff, current.CleanerBackoff);
        lock (_gate)
        {
            if (_stop.IsCancellationRequested || _workers >= current.CleanerThreads)
            {
                return;
            }

            _workers++;
        }

        try
        {
            while (TakeDirtiest() is { } replica)
            {
                Clean(replica, current);
            }
        }
        catch (Exception exception)
        {
            LogBroken(logger, exception);
        }
        finally
        {
            lock (_gate)
            {
                _workers--;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private Replica? TakeDirtiest()
    {
        lock (_gate)
        {
            if (_stop.IsCancellationRequested)
            {
                return null;
            }

            long now = clock.GetTimestamp();
            Replica? dirtiest = null;
            double most = -1;
            foreach (Replica replica in replicas.All)
            {
                PartitionLog log = replica.Log;
                LogConfig config = log.Config;
                if (!config.Compact || log.IsFailed || log.IsClosed || log.UncleanableReason is not null
                    || _inWork.Contains(log) || IsResting(log, now))
                {
                    continue;
                }

                double ratio = DueRatio(log, config);
                if (ratio > most)
                {
                    (dirtiest, most) = (replica, ratio);
                }
            }

            if (dirtiest is not null)
            {
                _inWork.Add(dirtiest.Log);
            }

            return dirtiest;
        }
    }

    /// <summary>The share to clean, -1 if it is not due.</summary>
    private double DueRatio(PartitionLog log, LogConfig config)
    {
        try
        {
            CleanableState state = log.MeasureCleanable();
            return state.IsDue(config.MinCleanableDirtyRatio) ? state.DirtyRatio : -1;
        }
        catch (IOException)
        {
            _restUntil[log] = clock.GetTimestamp() + RestTicks;
            return -1;
        }
    }

    private bool IsResting(PartitionLog log, long now)
    {
        if (!_restUntil.TryGetValue(log, out long until))
        {
            return false;
        }

        return now < until || !_restUntil.Remove(log);
    }

    private void Clean(Replica replica, BrokerSettings current)
    {
        PartitionLog log = replica.Log;
        try
        {
            long started = clock.GetTimestamp();
            CompactionReport report = log.Compact(Options(current), _stop.Token);
            _instruments?.Note(report, clock.GetElapsedTime(started));
            if (report.Outcome == CompactionOutcome.Cleaned)
            {
                LogCleaned(
                    logger, replica.Topic, replica.Partition, report.FirstDirtyOffset, report.CleanedTo, report.BytesRead,
                    report.BytesWritten, report.Keys, clock.GetElapsedTime(started).TotalMilliseconds);
            }

            Finish(log, isCleaned: report.Outcome == CompactionOutcome.Cleaned);
            if (log.IsFailed)
            {
                replica.ReportFailedLog();
            }
        }
        catch (Exception exception)
        {
            // The log answers with outcomes; this is a state that cannot be. It must not be met again at once.
            LogBroken(logger, exception);
            Finish(log, isCleaned: false);
        }
    }

    private void Finish(PartitionLog log, bool isCleaned)
    {
        lock (_gate)
        {
            _inWork.Remove(log);
            foreach (PartitionLog gone in _restUntil.Keys.Where(each => each.IsClosed).ToList())
            {
                _restUntil.Remove(gone);
            }

            if (!isCleaned && !log.IsClosed)
            {
                _restUntil[log] = clock.GetTimestamp() + RestTicks;
            }
        }
    }

    private CompactionOptions Options(BrokerSettings current)
    {
        int threads = Math.Max(1, current.CleanerThreads);
        lock (_gate)
        {
            if (_throttle is null || _throttledAt != current.CleanerBytesPerSecond)
            {
                _throttledAt = current.CleanerBytesPerSecond;
                _throttle = new IoThrottle(clock, _throttledAt);
            }

            return new CompactionOptions
            {
                KeyMapBytes = current.CleanerKeyMapBytes / threads,
                KeyMapLoadFactor = current.CleanerKeyMapLoadFactor,
                IoBufferBytes = current.CleanerIoBufferBytes / threads,
                Throttle = _throttle,
            };
        }
    }

    [LoggerMessage(3311, LogLevel.Information,
        "cleaned {Topic}-{Partition} from {From} to {To}: {BytesRead} bytes became {BytesWritten}, {Keys} keys, {Ms:F0} ms")]
    private static partial void LogCleaned(
        ILogger logger, string topic, int partition, long from, long to, long bytesRead, long bytesWritten, int keys, double ms);

    [LoggerMessage(3312, LogLevel.Error, "the cleaner met a state that cannot be; it goes on with other logs")]
    private static partial void LogBroken(ILogger logger, Exception exception);
}
