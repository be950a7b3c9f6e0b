using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Replication;

/// <summary>The recovery of a directory at the start of its broker, and what the operator hears of it.</summary>
public sealed class HostRecoveryTests
{
    private const int Partitions = 6;

    private readonly SimulatedFileSystem _disk = new(seed: 6);
    private readonly ManualClock _clock = new();
    private readonly Lines _lines = new();
    private readonly LocalReplicas _replicas = new();

    public HostRecoveryTests()
    {
        ReplicaHost host = Start();
        for (int partition = 0; partition < Partitions; partition++)
        {
            Fill(Open(host, partition).Log);
        }
    }

    [Fact]
    public void Recover_OfAFewMoments_SaysNothing()
    {
        _disk.Kill();
        ReplicaHost host = Start();

        host.Recover(Snapshot());

        Assert.Empty(_lines.All);
        Replica replica = Open(host, 0);
        Assert.Equal((true, 20L), (replica.Log.Recovery.Scanned, replica.Log.Offsets.LogEnd));
    }

    [Fact]
    public void Recover_ThatTakesLong_TellsHowFarItIsEveryFewSeconds()
    {
        _disk.Kill();
        ReplicaHost host = Start();
        int reads = 0;
        _disk.BeforeRead = (path, _, _) =>
        {
            if (path.EndsWith(".log", StringComparison.Ordinal))
            {
                reads++;
                _clock.Advance(TimeSpan.FromSeconds(0.3));
            }
        };

        host.Recover(Snapshot());

        int told = _lines.All.Count - 1;
        Assert.InRange(told, 3, reads * 0.3 / 5);
        Assert.All(_lines.All.Take(told), line => Assert.StartsWith("Information recovering /log: ", line));
        double[] percents = [.. _lines.All.Take(told).Select(line => double.Parse(line.Split(' ')[3]))];
        Assert.Equal(percents.Order(), percents);
        Assert.True(percents[0] < 50 && percents[^1] > 50, string.Join(' ', percents));
        Assert.Contains($" of {Partitions} partitions after 5 s", _lines.All[0]);
        Assert.StartsWith($"Information recovered /log: {Partitions} partitions, ", _lines.All[told]);

        // Nothing more is said, and nothing is read a second time for the grains.
        int before = reads;
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.All(Enumerable.Range(0, Partitions), partition => Open(host, partition));
        Assert.Equal((told + 1, before), (_lines.All.Count, reads));
    }

    [Fact]
    public void Recover_OfADirectoryThatWasClosed_LeavesTheLogsToTheirGrains()
    {
        ReplicaHost host = Start(kill: true);
        host.Recover(Snapshot());
        host.CloseDirectory();
        int reads = 0;
        _disk.BeforeRead = (path, _, _) => reads += path.EndsWith(".log", StringComparison.Ordinal) ? 1 : 0;
        host = Start();
        host.Recover(Snapshot());
        Assert.Equal(0, reads);
        Assert.False(Open(host, 0).Log.Recovery.Scanned);
    }

    [Fact]
    public void Recover_WithReplicasElsewhere_LooksAtThoseHere()
    {
        _disk.Kill();
        ReplicaHost host = Start();
        _disk.BeforeRead = (path, _, _) => Assert.DoesNotContain("t-1/", path);
        ClusterSnapshot all = Snapshot();
        TopicImage topic = all.Topics[0];
        host.Recover(all with
        {
            Topics = [topic with { Partitions = [.. topic.Partitions.Select(p => p.Partition == 1 ? p with { Replicas = [2] } : p)] }],
        });
        _disk.BeforeRead = null;
        Assert.True(Open(host, 1).Log.Recovery.Scanned);
    }

    private static void Fill(PartitionLog log)
    {
        for (int i = 0; i < 20; i++)
        {
            var builder = new RecordBatchBuilder();
            builder.Add(0, [1], new byte[100_000]);
            var append = new LogAppend { Records = new(builder.Build().ToArray()), Origin = AppendOrigin.Client };
            log.Append(append);
            Assert.Equal(ErrorCode.None, append.Error);
        }
    }

    private static Guid TopicId { get; } = new(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);

    private static PartitionImage Image(int partition) => new()
    {
        Partition = partition,
        Replicas = [1],
        InSyncReplicas = [1],
        Leader = 1,
        LeaderEpoch = 0,
        PartitionEpoch = 0,
    };

    private static Replica Open(ReplicaHost host, int partition)
    {
        (Replica? replica, ErrorCode error) = host.Open(
            new ReplicaAssignment { Topic = "t", TopicId = TopicId, Configs = [], Partition = Image(partition) }, _ => { });
        Assert.Equal(ErrorCode.None, error);
        return replica!;
    }

    private static ClusterSnapshot Snapshot() => new()
    {
        ClusterId = "cluster",
        Version = 1,
        Brokers = [],
        Topics =
        [
            new TopicImage
            {
                Name = "t",
                Id = TopicId,
                Version = 1,
                Configs = [],
                Partitions = [.. Enumerable.Range(0, Partitions).Select(Image)],
            },
        ],
        ClusterConfigs = [],
        BrokerConfigs = [],
        ResourceConfigs = [],
    };

    private ReplicaHost Start(bool kill = false)
    {
        if (kill)
        {
            _disk.Kill();
        }

        // One thread: the clock is moved by whoever reads.
        BrokerSettings settings = BrokerSettings.Parse(
        [
            KeyValuePair.Create("log.dirs", (string?)"/log"),
            KeyValuePair.Create("num.recovery.threads.per.data.dir", (string?)"1"),
        ]);
        var host = new ReplicaHost(
            new CurrentSettings(settings, new MetadataCache()), _replicas, _disk, _clock, new Random(5), _lines);
        host.OpenDirectory("cluster");
        return host;
    }

    private sealed class Lines : ILogger<ReplicaHost>
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Add($"{logLevel} {formatter(state, exception)}");
    }
}
