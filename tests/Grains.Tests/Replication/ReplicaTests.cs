using System.Buffers;
using System.Collections.Concurrent;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Replication;

public sealed class ReplicaTests
{
    private readonly SimulatedFileSystem _files = new(seed: 3);
    private readonly Replica _replica;

    public ReplicaTests()
    {
        var environment = new LogEnvironment(_files, new ManualClock(), new Random(3));
        PartitionLog log = PartitionLog.Open(environment, "/log/t-0", "t", 0, LogConfig.Default, default);
        _replica = new Replica("t", Guid.Empty, 0, log, Leader(epoch: 4));
    }

    [Fact]
    public void Enqueue_IntoAnEmptyQueue_MakesTheCallerTheWriter()
    {
        var first = new OneRecord();
        var second = new OneRecord();

        Assert.True(_replica.Enqueue(first));
        Assert.False(_replica.Enqueue(second));
        Assert.Equal(0, _replica.Log.Offsets.LogEnd);

        _replica.Drain();

        Assert.Equal((0L, 1L), (first.Append.BaseOffset, second.Append.BaseOffset));
        Assert.Equal(2, _replica.Log.Offsets.HighWatermark);
        Assert.True(_replica.Enqueue(new OneRecord()));
    }

    [Fact]
    public async Task Drain_WithManyThreadsAdding_WritesEachOnceAndInEachThreadsOrder()
    {
        const int threads = 4;
        const int each = 2_000;
        var outcomes = new ConcurrentBag<(int Thread, int Number, long Offset)>();
        await Task.WhenAll(Enumerable.Range(0, threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (int i = 0; i < each; i++)
                {
                    int number = i;
                    var append = new OneRecord(done => outcomes.Add((thread, number, done.Append.BaseOffset)));
                    if (_replica.Enqueue(append))
                    {
                        _replica.Drain();
                    }
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        // A writer that worked for long hands over to the pool: a command behind everything waits for it.
        await _replica.RunAsWriterAsync(log => log.Offsets.LogEnd);

        Assert.Equal(threads * each, outcomes.Count);
        Assert.Equal(threads * each, outcomes.Select(outcome => outcome.Offset).Distinct().Count());
        foreach (var mine in outcomes.GroupBy(outcome => outcome.Thread))
        {
            long[] offsets = [.. mine.OrderBy(outcome => outcome.Number).Select(outcome => outcome.Offset)];
            Assert.Equal(offsets.Order(), offsets);
        }
    }

    [Fact]
    public async Task Append_AfterRetiring_IsRefused()
    {
        await _replica.RetireAsync(log => log.Close());
        var late = new OneRecord();

        Assert.True(_replica.Enqueue(late));
        _replica.Drain();

        Assert.Equal(ErrorCode.NotLeaderOrFollower, late.Append.Error);
    }

    [Fact]
    public void Append_OntoADiskThatFails_IsAnsweredAndReportedOnce()
    {
        int reported = 0;
        _replica.Failed += (_, _) => reported++;
        _files.BeforeWrite = (_, _, _) => throw new IOException("the disk is gone");
        var first = new OneRecord();
        var second = new OneRecord();
        foreach (OneRecord append in new[] { first, second })
        {
            Assert.True(_replica.Enqueue(append));
            _replica.Drain();
        }

        Assert.Equal(ErrorCode.KafkaStorageError, first.Append.Error);
        Assert.Equal(ErrorCode.KafkaStorageError, second.Append.Error);
        Assert.Equal(1, reported);
        Assert.Equal(0, _replica.Log.Offsets.HighWatermark);
    }

    [Fact]
    public void Drain_AfterAnAppend_TellsParkedFetchesAndNobodyWhoLeft()
    {
        var stays = new Parked();
        var leaves = new Parked();
        var place = new ParkingPlace(leaves);
        _replica.Park(new ParkingPlace(stays));
        _replica.Park(place);
        _replica.Leave(place);
        _replica.Leave(place);

        _replica.Enqueue(new OneRecord());
        _replica.Drain();

        Assert.Equal((1, 0), (stays.News, leaves.News));
    }

    [Fact]
    public async Task Drain_OfACommandThatChangesNothing_TellsNobody()
    {
        var parked = new Parked();
        _replica.Park(new ParkingPlace(parked));

        await _replica.RunAsWriterAsync(_ => true);

        Assert.Equal(0, parked.News);
    }

    [Fact]
    public void Append_OfALeader_CarriesItsEpoch()
    {
        var append = new OneRecord();
        _replica.Enqueue(append);
        _replica.Drain();

        LogRead read = _replica.Log.Read(0, int.MaxValue, 1, atLeastOneBatch: true);
        byte[] bytes = new byte[read.Length];
        read.CopyTo(bytes);
        read.Release();
        var batches = new RecordBatchReader(bytes);
        batches.Next();

        Assert.Equal(4, batches.Current.LeaderEpoch);
    }

    private static ReplicaRole Leader(int epoch) =>
        new(IsLeader: true, LeaderEpoch: epoch, PartitionEpoch: 0, IsOnlyReplica: true);

    private sealed class OneRecord : ReplicaAppend
    {
        private readonly Action<OneRecord>? _done;

        public OneRecord(Action<OneRecord>? done = null)
        {
            _done = done;
            var builder = new RecordBatchBuilder();
            builder.Add(0, null, [1, 2, 3]);
            base.Append.Records = new ReadOnlySequence<byte>(builder.Build().ToArray());
        }

        protected internal override void OnAppended() => _done?.Invoke(this);
    }

    private sealed class Parked : ParkedFetch
    {
        public int News { get; private set; }

        protected internal override void OnNews() => News++;

        protected internal override void OnDeadline()
        {
        }
    }
}
