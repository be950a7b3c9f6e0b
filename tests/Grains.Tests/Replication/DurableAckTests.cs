using System.Buffers;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Replication;

/// <summary>Acknowledgements that mean "on disk": <c>log.flush.before.ack</c>.</summary>
public sealed class DurableAckTests : IDisposable
{
    private static readonly LogConfig Config = LogConfig.Default with { FlushBeforeAck = true };

    private readonly SimulatedFileSystem _disk = new(seed: 3);
    private readonly CountingFiles _files;
    private readonly Queue<Action> _due = new();
    private LogDirectory _directory;
    private AckFlusher _flusher;

    public DurableAckTests()
    {
        _files = new CountingFiles(_disk);
        (_directory, _flusher) = Start();
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Append_BeforeTheFlush_IsNeitherAcknowledgedNorReadable()
    {
        Replica replica = Open(0);
        Pending append = Append(replica);

        Assert.False(append.IsDone);
        Assert.Equal((0, 1), (replica.Log.Offsets.HighWatermark, replica.Log.Offsets.LogEnd));

        FlushDue();

        Assert.True(append.IsDone);
        Assert.Equal(ErrorCode.None, append.Append.Error);
        Assert.Equal(1, replica.Log.Offsets.HighWatermark);
        Assert.Equal(1, replica.Log.RecoveryPoint);
    }

    [Fact]
    public void ParkedFetch_HearsOfRecordsWhenTheyAreOnDisk()
    {
        Replica replica = Open(0);
        var parked = new Parked();
        replica.Park(new ParkingPlace(parked));
        Append(replica);
        Assert.Equal(0, parked.News);

        FlushDue();

        Assert.Equal(1, parked.News);
    }

    [Fact]
    public void Append_WithoutTheSetting_IsAcknowledgedFromMemory()
    {
        Replica replica = Open(0, LogConfig.Default);

        Assert.True(Append(replica).IsDone);
        Assert.Empty(_due);
    }

    [Fact]
    public void Append_ThatNobodyWaitsFor_IsDoneAtOnceAndFlushedAllTheSame()
    {
        Replica replica = Open(0);
        var append = new Pending { WaitsForDisk = false };
        Run(replica, append);

        Assert.True(append.IsDone);
        FlushDue();
        Assert.Equal(1, replica.Log.Offsets.HighWatermark);
    }

    [Fact]
    public void Append_TwiceTheSameBatch_IsAcknowledgedWithTheFirst()
    {
        Replica replica = Open(0);
        Pending first = Append(replica, producerId: 7);
        Pending again = Append(replica, producerId: 7);
        Assert.True(again.Append.IsDuplicate);
        Assert.False(again.IsDone);

        FlushDue();

        Assert.True(first.IsDone && again.IsDone);
        Assert.True(Append(replica, producerId: 7).IsDone);
    }

    [Fact]
    public void Flush_WithManyPartitionsWaiting_IsOne()
    {
        Replica[] replicas = [.. Enumerable.Range(0, 64).Select(partition => Open(partition))];
        FlushAllOf(replicas);
        _files.Together.Clear();

        Pending[] appends = FlushAllOf(replicas);

        Assert.Equal([64], _files.Together);
        Assert.All(appends, append => Assert.True(append.IsDone));
    }

    [Fact]
    public void DrainAll_WithADiskThatIsIdle_DoesNotFlushForTheFirstAlone()
    {
        Replica[] warm = [.. Enumerable.Range(0, 16).Select(partition => Open(partition))];
        FlushAllOf(warm);
        _files.Together.Clear();
        _flusher = new AckFlusher(_directory.FlushTogether, flush => flush());
        List<Replica> replicas = [.. warm.Select(replica => Over(replica.Log))];
        replicas.ForEach(replica => Assert.True(replica.Enqueue(new Pending())));
        Replica.DrainAll(replicas);

        Assert.Equal([16], _files.Together);
        Assert.All(replicas, replica => Assert.Equal(2, replica.Log.Offsets.HighWatermark));
    }

    [Fact]
    public void Flush_WhileOthersAppend_GathersThemForTheNext()
    {
        Replica[] replicas = [.. Enumerable.Range(0, 9).Select(partition => Open(partition))];
        FlushAllOf(replicas);
        _files.Together.Clear();
        var meanwhile = new List<Pending>();
        _disk.BeforeFlush = _ =>
        {
            if (meanwhile.Count == 0)
            {
                meanwhile.AddRange(replicas.Select(replica => Append(replica)));
                Assert.DoesNotContain(meanwhile, append => append.IsDone);
            }
        };
        Pending first = Append(replicas[0]);
        FlushDue();

        Assert.True(first.IsDone);
        Assert.All(meanwhile, append => Assert.True(append.IsDone));
        Assert.Equal(1, _files.Together[0]);
        Assert.Equal(10, _files.Together.Sum());
        Assert.True(_files.Together.Count <= 3, string.Join(' ', _files.Together));
    }

    [Fact]
    public void Flush_ThatFails_RefusesWhatWaitsAndEndsTheLog()
    {
        Replica replica = Open(0);
        FlushAllOf(replica);
        int told = 0;
        replica.Failed += (_, _) => told++;
        _disk.BeforeFlush = _ => throw new IOException("the disk is gone");
        Pending first = Append(replica);
        Pending second = Append(replica);
        FlushDue();
        _disk.BeforeFlush = null;
        Pending late = Append(replica);

        Assert.Equal(ErrorCode.KafkaStorageError, first.Append.Error);
        Assert.Equal(ErrorCode.KafkaStorageError, second.Append.Error);
        Assert.Equal(ErrorCode.KafkaStorageError, late.Append.Error);
        Assert.Equal((1, 1), (told, replica.Log.Offsets.HighWatermark));
    }

    [Fact]
    public void Flush_ThatFailed_IsRepeatedOnlyAfterTheBytesWereWrittenAgain()
    {
        Replica replica = Open(0);
        FlushAllOf(replica);
        _disk.BeforeFlush = _ => throw new IOException("the disk is gone");
        Append(replica);
        FlushDue();
        _disk.BeforeFlush = null;
        var written = new List<(long Position, int Length)>();
        _disk.BeforeWrite = (path, position, length) =>
        {
            if (path.EndsWith(".log", StringComparison.Ordinal))
            {
                written.Add((position, length));
            }
        };
        Replica again = Open(0);
        int size = (int)again.Log.SizeBytes;

        Assert.NotSame(replica.Log, again.Log);
        Assert.Equal([(size / 2, size / 2)], written);
        Assert.Equal((1, 2), (again.Log.RecoveryPoint, again.Log.Offsets.LogEnd));
        Assert.True(again.Log.Flush());
        Assert.Equal(2, again.Log.RecoveryPoint);
    }

    [Fact]
    public async Task RoleChange_WithAppendsWaiting_RefusesThem()
    {
        Replica replica = Open(0);
        Pending append = Append(replica);
        await replica.ChangeRoleAsync(replica.Role with { IsLeader = false }, _ => { });

        Assert.Equal(ErrorCode.NotLeaderOrFollower, append.Append.Error);
        Assert.True(append.IsDone);
        FlushDue();
        Assert.Equal(0, replica.Log.Offsets.HighWatermark);
    }

    [Fact]
    public async Task Retire_WithAppendsWaiting_FlushesAndAcknowledgesThem()
    {
        Replica replica = Open(0);
        Pending append = Append(replica);
        await replica.RetireAsync(log => log.Close());

        Assert.True(append.IsDone);
        Assert.Equal(ErrorCode.None, append.Append.Error);
        FlushDue();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void PowerLoss_AtAnyMoment_TakesNothingThatWasAcknowledgedOrReadable(int seed)
    {
        var random = new Random(seed);
        LogConfig config = Config with { SegmentBytes = 2_000 };
        var appended = new Dictionary<(int Partition, long Offset), byte[]>();
        var acknowledged = new List<(int Partition, long Offset)>();
        for (int life = 0; life < 8; life++)
        {
            Replica[] replicas = [.. Enumerable.Range(0, 4).Select(partition => Open(partition, config))];
            foreach (Replica replica in replicas)
            {
                replica.RunAsWriterAsync(_ => true);
            }

            for (int step = 0; step < 60; step++)
            {
                int partition = random.Next(replicas.Length);
                var append = new Pending(random.Next(200), random.Next(256), done =>
                {
                    Assert.Equal(ErrorCode.None, done.Append.Error);
                    acknowledged.Add((partition, done.Append.BaseOffset));
                });
                Run(replicas[partition], append);
                appended[(partition, append.Append.BaseOffset)] = append.Bytes;
                if (random.Next(4) == 0)
                {
                    FlushDue();
                }
            }

            long[] readable = [.. replicas.Select(replica => replica.Log.Offsets.HighWatermark)];
            _disk.Crash();
            _due.Clear();
            (_directory, _flusher) = Start();
            for (int partition = 0; partition < replicas.Length; partition++)
            {
                PartitionLog log = Open(partition, config).Log;
                Assert.True(log.Offsets.LogEnd >= readable[partition]);
            }

            foreach ((int partition, long offset) in acknowledged)
            {
                Assert.Equal(appended[(partition, offset)], Read(Open(partition, config).Log, offset));
            }
        }
    }

    private static byte[] Read(PartitionLog log, long offset)
    {
        LogRead read = log.Read(offset, 1, log.Offsets.LogEnd, atLeastOneBatch: true);
        byte[] bytes = new byte[read.Length];
        read.CopyTo(bytes);
        read.Release();
        return bytes;
    }

    private static void Run(Replica replica, ReplicaAppend append)
    {
        if (replica.Enqueue(append))
        {
            replica.Drain();
        }
    }

    private static Pending Append(Replica replica, long producerId = -1)
    {
        var append = new Pending(producerId: producerId);
        Run(replica, append);
        return append;
    }

    private (LogDirectory Directory, AckFlusher Flusher) Start()
    {
        var environment = new LogEnvironment(_files, new ManualClock(), new Random(3));
        LogDirectory directory = LogDirectory.Open(environment, "/log", "cluster", 1);
        return (directory, new AckFlusher(directory.FlushTogether, _due.Enqueue));
    }

    private Replica Open(int partition, LogConfig? config = null)
    {
        return Over(_directory.OpenPartition("t", partition, new KafkaUuid(1, 1), config ?? Config));
    }

    private Replica Over(PartitionLog log)
    {
        var role = new ReplicaRole(IsLeader: true, LeaderEpoch: 0, PartitionEpoch: 0, IsOnlyReplica: true);
        return new Replica("t", Guid.Empty, log.Partition, log, role) { Flusher = _flusher };
    }

    private Pending[] FlushAllOf(params Replica[] replicas)
    {
        Pending[] appends = [.. replicas.Select(replica => Append(replica))];
        FlushDue();
        return appends;
    }

    private void FlushDue()
    {
        while (_due.TryDequeue(out Action? run))
        {
            run();
        }
    }

    private sealed class Parked : ParkedFetch
    {
        public int News { get; private set; }

        protected internal override void OnNews() => News++;

        protected internal override void OnDeadline()
        {
        }
    }

    private sealed class Pending : ReplicaAppend
    {
        private readonly Action<Pending>? _done;

        public Pending(int size = 3, int content = 1, Action<Pending>? done = null, long producerId = -1)
        {
            _done = done;
            byte[] value = new byte[size];
            Array.Fill(value, (byte)content);
            var builder = new RecordBatchBuilder();
            if (producerId >= 0)
            {
                (builder.ProducerId, builder.ProducerEpoch, builder.BaseSequence) = (producerId, 0, 0);
            }

            builder.Add(0, null, value);
            Bytes = builder.Build().ToArray();
            Append.Records = new ReadOnlySequence<byte>(Bytes);
        }

        public byte[] Bytes { get; }

        public bool IsDone { get; private set; }

        protected internal override void OnAppended()
        {
            IsDone = true;
            _done?.Invoke(this);
        }
    }
}
