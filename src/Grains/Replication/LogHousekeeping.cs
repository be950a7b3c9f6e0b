using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// What the logs of a broker need from time to time, all logs in one go: flushes that are due, checkpoints, retention, cleaning.
/// Each job runs on a pool thread, which may block, and never twice at once.
/// </summary>
public sealed partial class LogHousekeeping(
    ReplicaHost host, LogCleaner cleaner, CurrentSettings settings, TimeProvider clock, ILogger<LogHousekeeping> logger)
    : IDisposable
{
    /// <summary>How late a flush by <c>flush.ms</c> or of a rolled segment, or a removal of files, may be.</summary>
    private static readonly TimeSpan FlushPeriod = TimeSpan.FromSeconds(1);

    private readonly List<Job> _jobs = [];

    /// <summary>Starts the jobs, at the periods of the broker's settings.</summary>
    public void Start()
    {
        BrokerSettings current = settings.Value;
        Add("flush", FlushPeriod, host.FlushDue);
        Add("checkpoint", current.RecoveryPointCheckpointInterval, host.Checkpoint);
        Add("retention", current.RetentionCheckInterval, host.ApplyRetention);
        cleaner.Start();
    }

    /// <summary>Stops the jobs. One that runs is waited for.</summary>
    public void Dispose()
    {
        cleaner.Dispose();
        foreach (Job job in _jobs)
        {
            job.Stop();
        }

        _jobs.Clear();
    }

    private void Add(string name, TimeSpan period, Action run) => _jobs.Add(new Job(name, run, logger, clock, period));

    [LoggerMessage(3301, LogLevel.Error, "the job '{Name}' failed and will be tried again")]
    private static partial void LogFailed(ILogger logger, string name, Exception exception);

    private sealed class Job
    {
        private readonly string _name;
        private readonly Action _run;
        private readonly ILogger _logger;
        private readonly ITimer _timer;
        private readonly Lock _running = new();
        private bool _stopped;

        public Job(string name, Action run, ILogger logger, TimeProvider clock, TimeSpan period)
        {
            _name = name;
            _run = run;
            _logger = logger;
            _timer = clock.CreateTimer(static job => ((Job)job!).Run(), this, period, period);
        }

        public void Stop()
        {
            _timer.Dispose();
            lock (_running)
            {
                _stopped = true;
            }
        }

        private void Run()
        {
            // A run that takes longer than the period swallows the next one.
            if (!_running.TryEnter())
            {
                return;
            }

            try
            {
                if (!_stopped)
                {
                    _run();
                }
            }
            catch (Exception exception)
            {
                LogFailed(_logger, _name, exception);
            }
            finally
            {
                _running.Exit();
            }
        }
    }
}
