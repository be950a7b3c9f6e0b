using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>What a shared flush of one file may take for durable already.</summary>
public sealed class SharedFlushTests
{
    [Fact]
    public void BeginFlush_OfAFlushedSegment_CoversOneFile()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        Assert.True(log.Flush());
        Batches.MustAppend(log, Batches.Plain());
        var flush = new LogFlush();
        log.BeginFlush(flush);

        Assert.False(flush.IsWhole);
        Assert.NotNull(flush.File);
        Assert.Equal(1, log.RecoveryPoint);
        flush.File.Flush();
        log.EndFlush(flush);
        Assert.Equal(2, log.RecoveryPoint);
    }

    [Fact]
    public void BeginFlush_OfANewSegment_CoversAll()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        var flush = new LogFlush();
        log.BeginFlush(flush);
        Assert.True(flush.IsWhole);
        log.EndFlush(flush);
        Assert.Equal(0, log.RecoveryPoint);

        Assert.True(log.Flush());
        log.Roll();
        Batches.MustAppend(log, Batches.Plain());
        log.BeginFlush(flush);
        Assert.True(flush.IsWhole);
        log.EndFlush(flush);
    }

    [Fact]
    public void BeginFlush_WhileAnotherFlushHasTheNames_DoesNotTakeThemForDurable()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        var target = log.PrepareSharedFlush();
        Batches.MustAppend(log, Batches.Plain());
        var flush = new LogFlush();
        log.BeginFlush(flush);
        Assert.True(flush.IsWhole);
        log.EndFlush(flush);

        // The other one does not come about: a log that is asked to flush itself must flush its names, too.
        log.AbandonSharedFlush(target);
        Assert.True(log.Flush());
        disk.Files.Crash();
        using var again = disk.Open();
        Assert.Equal(2, again.Offsets.LogEnd);
    }

    [Fact]
    public void EndFlush_AfterATruncation_LeavesTheRecoveryPoint()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        Batches.MustAppend(log, Batches.Plain());
        Assert.True(log.Flush());
        Batches.MustAppend(log, Batches.Plain());
        var flush = new LogFlush();
        log.BeginFlush(flush);
        Assert.NotNull(flush.File);
        flush.File.Flush();
        Assert.Equal(ErrorCode.None, log.TruncateTo(1));
        Batches.MustAppend(log, Batches.Plain());
        Batches.MustAppend(log, Batches.Plain());
        log.EndFlush(flush);

        Assert.Equal(1, log.RecoveryPoint);
    }

    [Fact]
    public void SharedFlush_WithATruncationAndAnotherFlushBesideIt_DoesNotSpeakForTheRecordsWrittenAnew()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        Assert.True(log.Flush());
        Batches.MustAppend(log, Batches.Plain());
        Batches.MustAppend(log, Batches.Plain());
        var first = log.PrepareSharedFlush();
        Assert.True(disk.Files.TryFlushAll("/data"));
        Assert.Equal(ErrorCode.None, log.TruncateTo(1));
        Batches.MustAppend(log, Batches.Plain());
        Batches.MustAppend(log, Batches.Plain());
        var second = log.PrepareSharedFlush();
        log.CompleteSharedFlush(first, null);

        Assert.Equal(1, log.RecoveryPoint);
        log.CompleteSharedFlush(second, null);
        Assert.Equal(3, log.RecoveryPoint);
    }

    [Fact]
    public void SharedFlush_WhoseDiskIsCutUnderIt_LeavesTheRecoveryPointBelowTheCut()
    {
        var disk = new TestDisk();
        using var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        var logs = Enumerable.Range(0, 8)
            .Select(i => directory.OpenPartition("t", i, new KafkaUuid(1, 2), LogConfig.Default)).ToList();
        foreach (var log in logs)
        {
            Batches.MustAppend(log, Batches.Plain());
            Batches.MustAppend(log, Batches.Plain());
            Batches.MustAppend(log, Batches.Plain());
        }

        // While the flush is asked for: a follower learns that its leader has other records, and takes those.
        var isCut = false;
        disk.Files.BeforeFlush = path =>
        {
            if (path == "/data" && !isCut)
            {
                isCut = true;
                Assert.Equal(ErrorCode.None, logs[3].TruncateTo(1));
                Batches.MustAppend(logs[3], Batches.Plain(4));
            }
        };
        Assert.Equal(8, directory.Flush(logs));

        Assert.True(isCut);
        Assert.Equal(5, logs[3].Offsets.LogEnd);
        Assert.InRange(logs[3].RecoveryPoint, 0, 1);
        Assert.Equal(3, logs[4].RecoveryPoint);
    }

    [Fact]
    public void BeginFlush_InTheMiddleOfATruncation_CoversNothingWrittenLater()
    {
        for (var moment = 0; ; moment++)
        {
            var disk = new TestDisk();
            using var log = disk.Open();
            Batches.MustAppend(log, Batches.Plain());
            Assert.True(log.Flush());
            Batches.MustAppend(log, Batches.Plain(4));
            var flush = new LogFlush();
            var left = moment;
            disk.Files.BeforeRead = (_, _, _) =>
            {
                if (left-- == 0)
                {
                    log.BeginFlush(flush);
                }
            };
            Assert.Equal(ErrorCode.None, log.TruncateTo(1));
            disk.Files.BeforeRead = null;
            if (left >= 0)
            {
                // Every read of the truncation had its turn.
                Assert.True(moment > 1);
                return;
            }

            flush.File?.Flush();
            Batches.MustAppend(log, Batches.Plain(4));
            log.EndFlush(flush);
            Assert.Equal(1, log.RecoveryPoint);
        }
    }

    [Fact]
    public void Flush_BesideASharedOneThatFails_MakesTheEpochsDurableItself()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var disk = new TestDisk(seed);
            using var log = disk.Open();
            log.AssignLeaderEpoch(7, 0);
            Batches.MustAppend(log, Batches.Plain());
            log.PrepareSharedFlush();
            Assert.True(log.Flush());
            disk.Files.Crash();
            using var again = disk.Open(options: new LogOpenOptions { RecoveryPoint = 1 });
            Assert.Equal(7, again.LatestLeaderEpoch);
        }
    }
}
