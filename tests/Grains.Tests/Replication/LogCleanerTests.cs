using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Replication;

public sealed class LogCleanerTests : IDisposable
{
    private static readonly LogConfig Compacted = LogConfig.Default with { Compact = true, Delete = false };
    private readonly SimulatedFileSystem _files = new(seed: 4);
    private readonly ManualClock _clock = new();
    private readonly LocalReplicas _replicas = new();
    private LogCleaner? _cleaner;

    public void Dispose() => _cleaner?.Dispose();

    [Fact]
    public void Tick_WithSeveralDirtyLogs_CleansThoseThatAreDue()
    {
        Replica dirty = Add("dirty", Compacted, "a", "a", "a");
        Replica kept = Add("kept", LogConfig.Default, "a", "a", "a");
        Replica patient = Add("patient", Compacted with { MinCleanableDirtyRatio = 1 }, "a", "a");
        Start();
        _clock.Advance(TimeSpan.FromMilliseconds(15_000));
        Assert.Equal((3L, -1L, -1L), (dirty.Log.CleanerCheckpoint, kept.Log.CleanerCheckpoint, patient.Log.CleanerCheckpoint));
    }

    [Fact]
    public void Tick_WithTheCleanerDisabled_DoesNothing()
    {
        Replica dirty = Add("dirty", Compacted, "a", "a", "a");
        Start(("log.cleaner.enable", "false"));
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(-1, dirty.Log.CleanerCheckpoint);
    }

    [Fact]
    public void Tick_WithALogThatCannotBeWritten_RestsBeforeItTriesAgain()
    {
        Replica dirty = Add("dirty", Compacted, "a", "a", "a");
        int tries = 0;
        _files.BeforeWrite = (path, _, _) =>
        {
            if (path.EndsWith(".cleaned", StringComparison.Ordinal))
            {
                tries++;
                throw new IOException("No space left on device");
            }
        };
        Start(("log.cleaner.backoff.ms", "1000"));
        _clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(1, tries);
        _files.BeforeWrite = null;
        _clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(3, dirty.Log.CleanerCheckpoint);
    }

    [Fact]
    public void Tick_WithADamagedLog_CleansTheOthers()
    {
        Replica damaged = Add("damaged", Compacted, "a", "a", "a", "a");
        Replica dirty = Add("dirty", Compacted, "a", "b", "c");
        _files.FlipBit("/log/damaged-0/00000000000000000000.log", 70, 1);
        Start();
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.NotNull(damaged.Log.UncleanableReason);
        Assert.Equal(3, dirty.Log.CleanerCheckpoint);
    }

    [Fact]
    public void Options_OfTheThrottle_HoldTheCleanerUp()
    {
        var throttle = new IoThrottle(_clock, 1000);
        throttle.Spent(0, null, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        // Nobody moves the clock: only the stop ends the wait.
        throttle.Spent(5000, null, stop.Token);
        Assert.Equal(0, _clock.ActiveTimers);
        Assert.False(throttle.IsUnlimited);
        Assert.True(new IoThrottle(_clock, double.MaxValue).IsUnlimited);
    }

    private void Start(params (string Name, string Text)[] given)
    {
        BrokerSettings settings = BrokerSettings.Parse(given.Select(g => KeyValuePair.Create(g.Name, (string?)g.Text)));
        _cleaner = new LogCleaner(
            _replicas, new CurrentSettings(settings, new MetadataCache()), _clock, NullLogger<LogCleaner>.Instance);
        _cleaner.Start();
    }

    private Replica Add(string topic, LogConfig config, params string[] keys)
    {
        var environment = new LogEnvironment(_files, _clock, new Random(3));
        PartitionLog log = PartitionLog.Open(environment, $"/log/{topic}-0", topic, 0, config, default);
        foreach (string key in keys)
        {
            var builder = new RecordBatchBuilder();
            builder.Add(1, Encoding.UTF8.GetBytes(key), []);
            var append = new LogAppend { Records = new ReadOnlySequence<byte>(builder.Build().ToArray()) };
            log.Append(append);
            Assert.Equal(ErrorCode.None, append.Error);
        }

        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        log.Roll();
        var replica = new Replica(topic, Guid.NewGuid(), 0, log, new ReplicaRole(true, 0, 0, true));
        _replicas.Add(replica);
        return replica;
    }
}
