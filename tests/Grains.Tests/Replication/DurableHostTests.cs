using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Replication;

/// <summary>The setting <c>log.flush.before.ack</c> on its way from the broker's settings to the disk, with its real thread.</summary>
public sealed class DurableHostTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly SimulatedFileSystem _disk = new(seed: 5);

    [Fact]
    public async Task Append_AcknowledgedByTheHost_SurvivesPowerLoss()
    {
        Replica replica = Start(partitions: 1)[0];
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(ErrorCode.None, await AppendAsync(replica));
            Assert.Equal((i + 1, i + 1), (replica.Log.RecoveryPoint, replica.Log.Offsets.HighWatermark));
        }

        _disk.Crash();
        Assert.Equal(20, Start(partitions: 1)[0].Log.Offsets.LogEnd);
    }

    [Fact]
    public async Task Append_ToManyPartitionsFromManyThreads_AllAcknowledged()
    {
        Replica[] replicas = Start(partitions: 12);
        ErrorCode[] errors = await Task.WhenAll(Enumerable.Range(0, 600)
            .Select(i => Task.Run(() => AppendAsync(replicas[i % replicas.Length]))));

        Assert.All(errors, error => Assert.Equal(ErrorCode.None, error));
        Assert.All(replicas, replica => Assert.Equal((50, 50), (replica.Log.RecoveryPoint, replica.Log.Offsets.LogEnd)));
    }

    [Fact]
    public async Task Open_OfALogThatWasNotFlushed_FlushesIt()
    {
        Replica before = Start(partitions: 1, isDurable: false)[0];
        Assert.Equal(ErrorCode.None, await AppendAsync(before));
        Assert.Equal((0, 1), (before.Log.RecoveryPoint, before.Log.Offsets.LogEnd));
        _disk.Kill();

        Replica after = Start(partitions: 1)[0];
        Assert.Equal(ErrorCode.None, await AppendAsync(after));

        Assert.Equal((2, 2), (after.Log.RecoveryPoint, after.Log.Offsets.HighWatermark));
        _disk.Crash();
        Assert.Equal(2, Start(partitions: 1)[0].Log.Offsets.LogEnd);
    }

    private static Task<ErrorCode> AppendAsync(Replica replica)
    {
        var append = new Acknowledged();
        if (replica.Enqueue(append))
        {
            replica.Drain();
        }

        return append.Done.WaitAsync(Limit);
    }

    private Replica[] Start(int partitions, bool isDurable = true)
    {
        BrokerSettings settings = BrokerSettings.Parse(
        [
            KeyValuePair.Create("log.dirs", (string?)"/log"),
            KeyValuePair.Create("log.flush.before.ack", (string?)(isDurable ? "true" : "false")),
        ]);
        var replicas = new LocalReplicas();
        var host = new ReplicaHost(
            new CurrentSettings(settings, new MetadataCache()), replicas, _disk, new ManualClock(), new Random(5),
            NullLogger<ReplicaHost>.Instance);
        host.OpenDirectory("cluster");
        return [.. Enumerable.Range(0, partitions).Select(partition => Open(host, partition))];
    }

    private static Replica Open(ReplicaHost host, int partition)
    {
        var assignment = new ReplicaAssignment
        {
            Topic = "t",
            TopicId = new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
            Configs = [],
            Partition = new PartitionImage
            {
                Partition = partition,
                Replicas = [1],
                InSyncReplicas = [1],
                Leader = 1,
                LeaderEpoch = 0,
                PartitionEpoch = 0,
            },
        };
        (Replica? replica, ErrorCode error) = host.Open(assignment, _ => { });
        Assert.Equal(ErrorCode.None, error);
        return replica!;
    }

    private sealed class Acknowledged : ReplicaAppend
    {
        private readonly TaskCompletionSource<ErrorCode> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Acknowledged()
        {
            var builder = new RecordBatchBuilder();
            builder.Add(0, null, [1, 2, 3]);
            Append.Records = new ReadOnlySequence<byte>(builder.Build().ToArray());
        }

        public Task<ErrorCode> Done => _done.Task;

        protected internal override void OnAppended() => _done.SetResult(Append.Error);
    }
}
