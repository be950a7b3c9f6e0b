using Orleans.Kafka.Protocol;
using Orleans.Kafka.Storage.Tests.Compaction;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>What a crash or a failure in the middle of a step must not leave behind.</summary>
public sealed class InterruptedStepsTests
{
    private static readonly KafkaUuid TopicId = new(1, 2);
    private static readonly LogConfig Small = LogConfig.Default with { SegmentBytes = 300, IndexIntervalBytes = 0 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TruncateTo_DyingBeforeAnyOperation_LeavesNoHole(bool powerLoss)
    {
        for (var operation = 1; ; operation++)
        {
            var disk = new TestDisk(operation);
            var dying = new DyingFileSystem(disk.Files) { PowerLoss = powerLoss };
            var (directory, log) = Open(disk, dying);
            var written = Enumerable.Range(0, 12).Select(_ => Append(log)).ToList();
            Assert.True(log.Flush());
            directory.WriteCheckpoints();
            dying.DieBefore = operation;
            log.TruncateTo(4);
            directory.Dispose();
            if (!dying.IsDead)
            {
                Assert.True(operation > 10);
                return;
            }

            (directory, log) = Open(disk);
            Assert.InRange(log.Offsets.LogEnd, 4, 12);
            Assert.Equal(written.Take((int)log.Offsets.LogEnd), Batches.ReadAll(log));
            directory.Dispose();
        }
    }

    [Fact]
    public void Truncation_OfAProcessThatWasKilled_DoesNotComeBackAfterAPowerLoss()
    {
        // The process dies between the cut and its flush: number by number, so that it is among them.
        for (var operation = 1; operation < 20; operation++)
        {
            var disk = new TestDisk(operation);
            var dying = new DyingFileSystem(disk.Files);
            var (directory, log) = Open(disk, dying);
            Append(log, 6);
            Assert.True(log.Flush());
            directory.WriteCheckpoints();
            dying.DieBefore = operation;
            log.TruncateTo(1);
            directory.Dispose();
            if (!dying.IsDead)
            {
                dying.DieNow();
            }

            (directory, log) = Open(disk);
            var end = log.Offsets.LogEnd;
            directory.Dispose();
            disk.Files.Crash();
            (directory, log) = Open(disk);
            Assert.Equal(end, log.Offsets.LogEnd);
            directory.Dispose();
        }
    }

    [Fact]
    public void OpenPartition_OfALogThatEndsBelowItsRecoveryPoint_WritesTheLowerOne()
    {
        var disk = new TestDisk();
        var (directory, log) = Open(disk, config: LogConfig.Default);
        Append(log, 2);
        var length = log.SizeBytes;
        Append(log, 2);
        Assert.True(log.Flush());
        directory.WriteCheckpoints();
        directory.Dispose();
        disk.Files.Kill();
        using (var file = disk.Files.Open("/data/topic-0/00000000000000000000.log", FileOpen.ReadWrite))
        {
            file.SetLength(length);
        }

        (directory, log) = Open(disk);
        Assert.Equal(2, log.Offsets.LogEnd);
        var points = CheckpointFile.Read(disk.Environment, $"/data/{CheckpointFile.RecoveryPoints}");
        Assert.Equal(2, points[("topic", 0)]);
        directory.Dispose();
    }

    [Fact]
    public void ByTimestamp_InASegmentThatWasRolledAtTheRecoveryPoint_DoesNotBelieveUnflushedIndexes()
    {
        var disk = new TestDisk();
        var (directory, log) = Open(disk);
        Append(log, 2);
        Assert.True(log.Flush());
        Assert.True(log.Roll());
        directory.WriteCheckpoints();
        directory.Dispose();
        disk.Files.Kill();
        using (var file = disk.Files.Open("/data/topic-0/00000000000000000000.timeindex", FileOpen.ReadWrite))
        {
            file.SetLength(0);
        }

        (directory, log) = Open(disk);
        Assert.Equal(0, log.ByTimestamp(Batches.Epoch2026, log.Offsets.LogEnd).Offset);
        directory.Dispose();
    }

    [Fact]
    public void Flush_ThatFailedBeforeTheProcessWasKilled_IsMadeUpForByTheNextProcess()
    {
        var disk = new TestDisk();
        var (directory, log) = Open(disk);
        Append(log);
        disk.Files.LoseNextFlush = true;
        Assert.False(log.Flush());
        directory.Dispose();
        disk.Files.Kill();

        (directory, log) = Open(disk);
        Assert.Equal(1, log.Offsets.LogEnd);
        AssertFlushedIsThereAfterPowerLoss(disk, directory, log);
    }

    /// <summary>What it lost, a later flush of that log would not bring to the disk, and not say so.</summary>
    [Fact]
    public void Flush_OfTheFileSystemThatFails_IsHeldAgainstLogsThatDidNotAskForIt()
    {
        var disk = new TestDisk();
        var (directory, log) = Open(disk);
        Append(log);
        var others = Enumerable.Range(1, 8).Select(i => directory.OpenPartition("topic", i, TopicId, Small)).ToList();
        others.ForEach(o => Append(o));
        disk.Files.LoseNextFlush = true;
        Assert.Equal(0, directory.Flush(others));

        Assert.False(log.Flush());
        log = directory.OpenPartition("topic", 0, TopicId, Small);
        AssertFlushedIsThereAfterPowerLoss(disk, directory, log);
    }

    [Fact]
    public void WriteCheckpoints_WhenTheLastCleanedLogIsGone_TakesItsCleanerOffsetAway()
    {
        var disk = new TestDisk();
        var (directory, log) = Open(disk, config: Small with { Compact = true });
        Append(log, 12);
        log.AdvanceHighWatermark(12);
        Assert.Equal(CompactionOutcome.Cleaned, log.Compact(CompactionOptions.Default).Outcome);
        directory.DeletePartition(log);
        directory.WriteCheckpoints();

        Assert.Empty(CheckpointFile.Read(disk.Environment, $"/data/{CheckpointFile.CleanerOffsets}"));
        directory.Dispose();
    }

    [Fact]
    public void Append_WhileTheAgeOfTheSegmentCannotBeRead_FailsAndLeavesNothingForTheNext()
    {
        var disk = new TestDisk();
        var config = LogConfig.Default with { SegmentMs = 1000, IndexIntervalBytes = 0 };
        var (directory, log) = Open(disk, config: config);
        Append(log, 3);
        Assert.True(directory.Close());
        (directory, log) = Open(disk, config: config);
        disk.Files.BeforeRead = static (path, _, _) => throw new IOException(path);
        var appends = new[] { Batches.Of(Batches.Plain()), Batches.Of(Batches.Plain()) };
        log.Append(appends);
        disk.Files.BeforeRead = null;

        Assert.All(appends, static a => Assert.Equal(ErrorCode.KafkaStorageError, a.Error));
        Assert.True(log.IsFailed);
        log = directory.OpenPartition("topic", 0, TopicId, config);
        Assert.Equal(3, log.Offsets.LogEnd);
        Assert.Equal(3, Batches.MustAppend(log, Batches.Plain()));
        directory.Dispose();
    }

    [Fact]
    public void OpenPartition_WhileTheLogStartIsNotOnDisk_KeepsTheSegmentsBelow()
    {
        var disk = new TestDisk();
        var (directory, log) = Open(disk);
        Append(log, 12);
        Assert.True(log.Flush());
        log.AdvanceHighWatermark(12);
        directory.WriteCheckpoints();
        Assert.Equal(ErrorCode.None, log.DeleteRecordsTo(10));
        disk.Files.BeforeWrite = static (path, _, _) => throw new IOException(path);
        Assert.Throws<IOException>(directory.WriteCheckpoints);
        Assert.False(log.Roll() && log.Flush());
        Assert.Throws<IOException>(() => directory.OpenPartition("topic", 0, TopicId, Small));
        disk.Files.BeforeWrite = null;
        directory.Dispose();
        disk.Files.Kill();

        (directory, log) = Open(disk);
        Assert.Equal((0L, 12L), (log.Offsets.LogStart, log.Offsets.LogEnd));
        Assert.Equal(12, Batches.ReadAll(log).Count);
        directory.Dispose();
    }

    private static void AssertFlushedIsThereAfterPowerLoss(TestDisk disk, LogDirectory directory, PartitionLog log)
    {
        Assert.True(log.Flush());
        directory.WriteCheckpoints();
        directory.Dispose();
        disk.Files.Crash();

        (directory, log) = Open(disk);
        Assert.Equal(1, log.Offsets.LogEnd);
        directory.Dispose();
    }

    private static (LogDirectory Directory, PartitionLog Log) Open(
        TestDisk disk, IFileSystem? files = null, LogConfig? config = null)
    {
        var environment = files is null
            ? disk.NewEnvironment()
            : new LogEnvironment(files, disk.Clock, new Random(1)) { Notices = disk.Notices.Add };
        var directory = LogDirectory.Open(environment, "/data", "cluster", 1);
        return (directory, directory.OpenPartition("topic", 0, TopicId, config ?? Small));
    }

    private static byte[] Append(PartitionLog log, int batches = 1)
    {
        var append = Batches.AppendTo(log, Batches.Plain());
        Assert.Equal(ErrorCode.None, append.Error);
        return batches == 1 ? append.Records.First.ToArray() : Append(log, batches - 1);
    }
}
