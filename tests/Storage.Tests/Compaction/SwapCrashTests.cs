using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage.Tests.Compaction;

/// <summary>The process or the machine dies before each single operation on the disk while a log is cleaned.</summary>
public sealed class SwapCrashTests
{
    private static readonly KafkaUuid TopicId = new(1, 2);

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(true, 3)]
    [InlineData(true, 4)]
    public void Compact_WithACrashBeforeAnyOperation_LosesNothing(bool powerLoss, int seed)
    {
        var reached = 0;
        for (var operation = 1; ; operation++)
        {
            if (!RunUpTo(operation, powerLoss, seed))
            {
                break;
            }

            reached = operation;
        }

        Assert.True(reached > 40, $"only {reached} operations");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Open_WithACrashBeforeAnyOperation_CompletesTheSwapNextTime(int seed)
    {
        // Half-way through a swap: the cleaned log has its name, the old segments are still there.
        for (var operation = 1; ; operation++)
        {
            var disk = new TestDisk(seed);
            var (expected, _) = Prepare(disk, seed, out var directory, out var log);
            var dying = new DyingFileSystem(disk.Files) { DieAtName = ".log.swap", PowerLoss = true };
            Reopen(disk, dying, ref directory, ref log);
            log.Compact(CompactionOptions.Default);
            Assert.True(dying.IsDead);
            directory.Dispose();
            var second = new DyingFileSystem(disk.Files) { DieBefore = operation, PowerLoss = true };
            try
            {
                Reopen(disk, second, ref directory, ref log);
            }
            catch (IOException)
            {
                // It died while it opened.
            }

            directory.Dispose();
            Reopen(disk, disk.Files, ref directory, ref log);
            Assert.Equal(expected, KeyedHistory.Committed(log));
            directory.Dispose();
            if (!second.IsDead)
            {
                Assert.True(operation > 10);
                return;
            }
        }
    }

    private static bool RunUpTo(int operation, bool powerLoss, int seed)
    {
        var disk = new TestDisk((seed * 1000) + operation);
        var (expected, cleaned) = Prepare(disk, seed, out var directory, out var log);
        var dying = new DyingFileSystem(disk.Files) { PowerLoss = powerLoss };
        Reopen(disk, dying, ref directory, ref log);
        var offsets = (log.Offsets.LogStart, log.Offsets.LogEnd, log.RecoveryPoint);
        var producers = log.DescribeProducers();
        dying.DieBefore = operation;
        var report = log.Compact(CompactionOptions.Default);
        if (!dying.IsDead)
        {
            Assert.Equal(CompactionOutcome.Cleaned, report.Outcome);
            directory.Dispose();
            return false;
        }

        directory.Dispose();
        Reopen(disk, disk.Files, ref directory, ref log);
        Assert.Equal(offsets.LogEnd, log.Offsets.LogEnd);
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        Assert.Equal(WithoutTime(producers), WithoutTime(log.DescribeProducers()));
        Assert.Equal(expected, KeyedHistory.Committed(log));
        Assert.DoesNotContain(
            disk.Files.List("/data/topic-0"),
            f => f.Name.EndsWith(".swap", StringComparison.Ordinal) || f.Name.EndsWith(".cleaned", StringComparison.Ordinal));
        Assert.DoesNotContain(disk.Notices, n => n.Kind is StorageNoticeKind.DataCut or StorageNoticeKind.Stray);

        // What was half done is done in the end.
        Assert.NotEqual(CompactionOutcome.Aborted, log.Compact(CompactionOptions.Default).Outcome);
        Assert.Equal(expected, KeyedHistory.Committed(log));
        Assert.Equal(cleaned, Offsets(log));
        directory.Dispose();
        return true;
    }

    /// <summary>A log with several groups to clean, and what cleaning leaves of it when nothing dies.</summary>
    private static (Dictionary<string, string> Committed, List<long> Cleaned) Prepare(
        TestDisk disk, int seed, out LogDirectory directory, out PartitionLog log)
    {
        var other = new TestDisk(seed);
        Write(other, seed, out directory, out log);
        log.Compact(CompactionOptions.Default);
        var cleaned = Offsets(log);
        directory.Dispose();
        Write(disk, seed, out directory, out log);
        Assert.True(log.MeasureCleanable().CleanableBytes > 0);
        return (KeyedHistory.Committed(log), cleaned);
    }

    private static void Write(TestDisk disk, int seed, out LogDirectory directory, out PartitionLog log)
    {
        directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
        log = directory.OpenPartition("topic", 0, TopicId, Config);
        var history = new KeyedHistory(seed);
        history.Append(log, 30, disk.Clock.NowMs);
        history.EndTransactions(log);
        log.Roll();
        history.Append(log, 3, disk.Clock.NowMs);
        history.EndTransactions(log);
        Assert.True(log.Flush());
        directory.WriteCheckpoints();
    }

    private static readonly LogConfig Config = LogConfig.Default with
    {
        Compact = true,
        SegmentBytes = 900,
        IndexIntervalBytes = 100,
        ProducerIdExpirationMs = long.MaxValue,
        FileDeleteDelayMs = 0,
    };

    // The time of a producer's last batch is that of the records that are left in it.
    private static IEnumerable<ActiveProducer> WithoutTime(IReadOnlyList<ActiveProducer> producers) =>
        producers.OrderBy(p => p.ProducerId).Select(p => p with { LastTimestampMs = 0 });

    private static List<long> Offsets(PartitionLog log) =>
        [.. Batches.ReadAll(log).SelectMany(b => KeyedHistory.Records(b)).Select(r => r.Offset)];

    private static void Reopen(TestDisk disk, IFileSystem files, ref LogDirectory directory, ref PartitionLog log)
    {
        directory.Dispose();
        disk.Notices.Clear();
        var environment = new LogEnvironment(files, disk.Clock, new Random(7)) { Notices = disk.Notices.Add };
        directory = LogDirectory.Open(environment, "/data", "cluster", 1);
        log = directory.OpenPartition("topic", 0, TopicId, Config);
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
    }
}
