using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Metadata;

namespace Orleans.Kafka.Grains.Groups.Lag;

/// <summary>
/// Makes lag visible without being asked: every <c>group.lag.report.interval.ms</c> log lines for the ten pairs of group
/// and topic that are furthest behind in time, one that counts the others, and the gauges
/// <c>kafka.group.lag.records</c> and <c>kafka.group.lag.seconds</c> of the meter <c>Orleans.Kafka</c>, for a thousand
/// such pairs.
/// </summary>
public sealed partial class GroupLagReport : IDisposable
{
    /// <summary>So many pairs of group and topic are named in the log at a time.</summary>
    private const int LinesMax = 10;

    /// <summary>So many pairs of group and topic are shown as metrics, the worst first.</summary>
    private const int SeriesMax = 1_000;

    private readonly GroupLagReader _reader;
    private readonly CurrentSettings _settings;
    private readonly TimeProvider _clock;
    private readonly ILogger<GroupLagReport> _logger;
    private ITimer? _timer;
    private int _isReporting;
    private volatile IReadOnlyList<TopicLag> _lags = [];

    /// <param name="reader">Knows the lag.</param>
    /// <param name="settings">The broker's settings.</param>
    /// <param name="meters">Makes the meter; null without metrics.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="logger">Gets the lines.</param>
    public GroupLagReport(
        GroupLagReader reader,
        CurrentSettings settings,
        TimeProvider clock,
        ILogger<GroupLagReport> logger,
        IMeterFactory? meters = null)
    {
        _reader = reader;
        _settings = settings;
        _clock = clock;
        _logger = logger;
        if (meters?.Create(KafkaMeter.Name) is { } meter)
        {
            meter.CreateObservableGauge(
                "kafka.group.lag.records",
                () => _lags.Select(each => new Measurement<long>(each.Records, each.Tags)),
                "{record}",
                "Records that a group has not consumed, by group and topic.");
            meter.CreateObservableGauge(
                "kafka.group.lag.seconds",
                () => _lags.Select(each => new Measurement<double>(each.Age.TotalSeconds, each.Tags)),
                "s",
                "Age of the first record that a group has not consumed, by group and topic.");
        }
    }

    /// <summary>Begins to report, if the setting says so.</summary>
    public void Start()
    {
        long intervalMs = _settings.Value.Long("group.lag.report.interval.ms");
        if (intervalMs > 0)
        {
            TimeSpan interval = TimeSpan.FromMilliseconds(intervalMs);
            _timer = _clock.CreateTimer(
                static state => _ = ((GroupLagReport)state!).ReportAsync(), this, interval, interval);
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose() => _timer?.Dispose();

    /// <summary>Looks once at all groups that this broker coordinates.</summary>
    internal async Task ReportAsync()
    {
        if (Interlocked.Exchange(ref _isReporting, 1) != 0)
        {
            return;
        }

        try
        {
            var lags = new List<TopicLag>();
            foreach (string groupId in await _reader.OwnGroupsAsync())
            {
                lags.AddRange((await _reader.ReadAsync(groupId)).Where(lag => lag.Records >= 0).GroupBy(lag => lag.Topic).Select(
                    topic => new TopicLag(
                        groupId, topic.Key, topic.Sum(lag => lag.Records), topic.Max(lag => lag.Age) ?? TimeSpan.Zero)));
            }

            _lags = [.. lags.OrderByDescending(each => each.Age).ThenByDescending(each => each.Records).Take(SeriesMax)];
            List<TopicLag> behind = lags.FindAll(each => each.Records > 0);
            foreach (TopicLag each in _lags.Where(each => each.Records > 0).Take(LinesMax))
            {
                LogLag(_logger, each.Group, each.Records, each.Topic, each.Age.TotalSeconds);
            }

            if (behind.Count > LinesMax)
            {
                LogMore(_logger, behind.Count - LinesMax, behind.Sum(each => each.Records));
            }
        }
        catch (Exception exception)
        {
            LogFailed(_logger, exception);
        }
        finally
        {
            Volatile.Write(ref _isReporting, 0);
        }
    }

    [LoggerMessage(3312, LogLevel.Information,
        "group {Group} is {Records} records behind in {Topic}, the oldest of them {Seconds:F1} s old")]
    private static partial void LogLag(ILogger logger, string group, long records, string topic, double seconds);

    [LoggerMessage(3314, LogLevel.Information,
        "{Count} more pairs of group and topic are behind; all together by {Records} records")]
    private static partial void LogMore(ILogger logger, int count, long records);

    [LoggerMessage(3313, LogLevel.Warning, "the lag of the groups cannot be read")]
    private static partial void LogFailed(ILogger logger, Exception exception);

    /// <summary>The lag of a group in a topic: the sum of the records, the greatest age.</summary>
    private sealed record TopicLag(string Group, string Topic, long Records, TimeSpan Age)
    {
        public KeyValuePair<string, object?>[] Tags { get; } = [new("group", Group), new("topic", Topic)];
    }
}
