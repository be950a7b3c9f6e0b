using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Replication;

/// <summary>The instruments of the log, as a listener reads them.</summary>
public sealed class LogMetricsTests : IDisposable
{
    private readonly SimulatedFileSystem _disk = new(seed: 7);
    private readonly CountedClock _clock = new();
    private readonly Meters _meters = new();
    private readonly LocalReplicas _replicas = new();
    private readonly CurrentSettings _settings = new(
        BrokerSettings.Parse(
        [
            KeyValuePair.Create("log.dirs", (string?)"/log"),
            KeyValuePair.Create("num.recovery.threads.per.data.dir", (string?)"1"),
            KeyValuePair.Create("log.open.files.max", (string?)"77"),
        ]),
        new MetadataCache());

    public void Dispose() => _meters.Dispose();

    [Fact]
    public void Partitions_AreShownAsTheyAre()
    {
        ReplicaHost host = Start();
        Replica plain = Open(host, "plain");
        Replica compacted = Open(host, "compacted", ("cleanup.policy", "compact"));
        long size = Append(plain, 5) + Append(plain, 5);
        plain.Log.Flush();
        size += Append(plain, 1);
        plain.Log.AdvanceHighWatermark(11);
        plain.Log.DeleteRecordsTo(3);
        Append(compacted, 4);
        compacted.Log.Roll();
        compacted.Log.AdvanceHighWatermark(4);
        using var seen = new Readings(_meters);

        seen.Read();

        Assert.Equal(size, seen["kafka.log.size", "plain"]);
        Assert.Equal((1, 2), (seen["kafka.log.segments", "plain"], seen["kafka.log.segments", "compacted"]));
        Assert.Equal((3, 11), (seen["kafka.log.start.offset", "plain"], seen["kafka.log.end.offset", "plain"]));
        Assert.Equal((1, 4), (seen["kafka.log.unflushed", "plain"], seen["kafka.log.unflushed", "compacted"]));
        Assert.Equal(1, seen["kafka.log.cleaner.dirty.ratio", "compacted"]);
        Assert.Null(seen["kafka.log.cleaner.dirty.ratio", "plain"]);
        Assert.Equal((2, 0), (seen["kafka.log.partitions"], seen["kafka.log.failed"]));
        Assert.Equal(77, seen["kafka.log.files.limit"]);
        Assert.InRange(seen["kafka.log.files.open"]!.Value, 2, 10);
        Assert.True(seen["kafka.log.files.opened"] >= seen["kafka.log.files.open"]);
        Assert.Equal((0, 0), (seen["kafka.log.files.evicted"], seen["kafka.log.deletions.waiting"]));
    }

    [Fact]
    public void Failures_AreCounted()
    {
        Replica replica = Open(Start(), "t");
        Append(replica, 1);
        using var seen = new Readings(_meters);
        _disk.TearNextWriteAt = 5;
        Assert.Throws<InvalidOperationException>(() => Append(replica, 1));

        seen.Read();

        Assert.Equal((1, 1), (seen["kafka.log.partitions"], seen["kafka.log.failed"]));
    }

    [Fact]
    public void Flushes_AreTimedWhileSomebodyListens()
    {
        Replica replica = Open(Start(), "t");
        _disk.BeforeFlush = path =>
        {
            if (path.EndsWith(".log", StringComparison.Ordinal))
            {
                _clock.Inner.Advance(TimeSpan.FromMilliseconds(250));
            }
        };
        Append(replica, 1);
        int before = _clock.Timestamps;
        Assert.True(replica.Log.Flush());
        Assert.Equal(before, _clock.Timestamps);

        using var seen = new Readings(_meters);
        Append(replica, 1);
        Assert.True(replica.Log.Flush());

        Assert.Equal(0.25, seen["kafka.log.flush.duration", "segment"]);
        Assert.True(_clock.Timestamps > before);
    }

    [Fact]
    public void ManyFlushes_ShareOneMeasurement()
    {
        ReplicaHost host = Start();
        for (int i = 0; i < 10; i++)
        {
            Replica replica = Open(host, $"t{i}");
            Append(replica, 1);
            replica.Log.Roll();
        }

        using var seen = new Readings(_meters);
        host.FlushDue();
        Assert.Equal(1, seen.Count("kafka.log.flush.duration", "filesystem"));
        Assert.Equal(0, seen.Count("kafka.log.flush.duration", "segment"));
    }

    [Fact]
    public void Cleaning_IsMeasured()
    {
        ReplicaHost host = Start();
        Replica replica = Open(host, "t", ("cleanup.policy", "compact"));
        Append(replica, 1);
        Append(replica, 1);
        Append(replica, 1);
        replica.Log.Roll();
        replica.Log.AdvanceHighWatermark(3);
        using var cleaner = new LogCleaner(_replicas, _settings, _clock, NullLogger<LogCleaner>.Instance, _meters);
        using var seen = new Readings(_meters);
        cleaner.Start();

        _clock.Inner.Advance(TimeSpan.FromSeconds(15));

        Assert.Equal(1, seen.Count("kafka.log.cleaner.duration", "cleaned"));
        Assert.Equal(2, seen["kafka.log.cleaner.removed"]);
        Assert.True(seen["kafka.log.cleaner.read"] > seen["kafka.log.cleaner.written"]);
        Assert.True(seen["kafka.log.cleaner.written"] > 0);
    }

    [Fact]
    public void Recovery_IsShownWhileItRuns()
    {
        ReplicaHost host = Start();
        TopicImage[] topics = [.. Enumerable.Range(0, 3).Select(i => Image($"t{i}"))];
        foreach (TopicImage topic in topics)
        {
            Append(Open(host, topic.Name), 3);
        }

        _disk.Kill();
        _meters.Dispose();
        host = Start();
        using var seen = new Readings(_meters);
        var told = new List<(double Percent, double Logs, double Bytes, double Segments)>();
        _disk.BeforeRead = (path, _, _) =>
        {
            if (path.EndsWith(".log", StringComparison.Ordinal))
            {
                seen.Read();
                told.Add((
                    seen["kafka.log.recovery.progress"]!.Value, seen["kafka.log.recovery.logs.remaining"]!.Value,
                    seen["kafka.log.recovery.bytes.remaining"]!.Value, seen["kafka.log.recovery.segments.remaining"]!.Value));
            }
        };

        host.Recover(new ClusterSnapshot
        {
            ClusterId = "cluster",
            Version = 1,
            Brokers = [],
            Topics = topics,
            ClusterConfigs = [],
            BrokerConfigs = [],
            ResourceConfigs = [],
        });
        _disk.BeforeRead = null;
        seen.Read();

        Assert.Equal([3, 2, 1], told.Select(each => each.Logs).Distinct());
        Assert.Equal(0, told[0].Percent);
        (double percent, _, double bytes, _) = told.First(each => each.Logs == 1);
        Assert.InRange(percent, 60, 70);
        Assert.InRange(bytes, 1, told[0].Bytes / 2);
        Assert.Equal(1, told[0].Segments);
        Assert.Null(seen["kafka.log.recovery.progress"]);
        Assert.Null(seen["kafka.log.recovery.logs.remaining"]);
    }

    private static long Append(Replica replica, int records)
    {
        var builder = new RecordBatchBuilder();
        for (int i = 0; i < records; i++)
        {
            builder.Add(0, [1], new byte[100]);
        }

        byte[] bytes = builder.Build().ToArray();
        var append = new LogAppend { Records = new(bytes), Origin = AppendOrigin.Client };
        replica.Log.Append(append);
        return append.Error == ErrorCode.None ? bytes.Length : throw new InvalidOperationException($"{append.Error}");
    }

    private static TopicImage Image(string topic, params (string Name, string Value)[] configs) => new()
    {
        Name = topic,
        Id = new Guid(topic.Length, 2, 3, (byte)topic[0], (byte)topic[^1], 6, 7, 8, 9, 10, 11),
        Version = 1,
        Configs = configs.ToDictionary(each => each.Name, each => each.Value),
        Partitions =
        [
            new PartitionImage
            {
                Partition = 0,
                Replicas = [1],
                InSyncReplicas = [1],
                Leader = 1,
                LeaderEpoch = 0,
                PartitionEpoch = 0,
            },
        ],
    };

    private static Replica Open(ReplicaHost host, string name, params (string Name, string Value)[] configs)
    {
        TopicImage topic = Image(name, configs);
        (Replica? replica, ErrorCode error) = host.Open(
            new ReplicaAssignment
            {
                Topic = name,
                TopicId = topic.Id,
                Configs = topic.Configs,
                Partition = topic.Partitions[0],
            },
            _ => { });
        Assert.Equal(ErrorCode.None, error);
        return replica!;
    }

    private ReplicaHost Start()
    {
        var host = new ReplicaHost(
            _settings, _replicas, _disk, _clock, new Random(5), NullLogger<ReplicaHost>.Instance, _meters);
        host.OpenDirectory("cluster");
        return host;
    }

    /// <summary>Counts how often somebody wants to know how long something takes.</summary>
    private sealed class CountedClock : TimeProvider
    {
        public ManualClock Inner { get; } = new();

        public int Timestamps { get; private set; }

        public override long TimestampFrequency => Inner.TimestampFrequency;

        public override long GetTimestamp()
        {
            Timestamps++;
            return Inner.GetTimestamp();
        }

        public override DateTimeOffset GetUtcNow() => Inner.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            Inner.CreateTimer(callback, state, dueTime, period);
    }

    private sealed class Meters : IMeterFactory
    {
        private Meter? _meter;

        public Meter Create(MeterOptions options)
        {
            Assert.Equal("Orleans.Kafka", options.Name);
            options.Scope = this;
            return _meter ??= new Meter(options);
        }

        public void Dispose()
        {
            _meter?.Dispose();
            _meter = null;
        }
    }

    /// <summary>The sum of what an instrument measured, by the value of any of its tags.</summary>
    private sealed class Readings : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, (double Sum, int Count)> _seen = [];

        public Readings(IMeterFactory meters)
        {
            _listener.InstrumentPublished = (instrument, self) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters))
                {
                    self.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Keep(instrument, value, tags));
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
            _listener.Start();
        }

        public double? this[string instrument, string tag = ""] =>
            _seen.TryGetValue($"{instrument} {tag}", out var seen) ? seen.Sum : null;

        public int Count(string instrument, string tag) => _seen.GetValueOrDefault($"{instrument} {tag}").Count;

        /// <summary>Forgets what gauges said, and asks them again.</summary>
        public void Read()
        {
            _seen.Clear();
            _listener.RecordObservableInstruments();
        }

        public void Dispose() => _listener.Dispose();

        private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            Add($"{instrument.Name} ", value);
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                Add($"{instrument.Name} {tag.Value}", value);
            }
        }

        private void Add(string key, double value)
        {
            (double sum, int count) = _seen.GetValueOrDefault(key);
            _seen[key] = (sum + value, count + 1);
        }
    }
}
