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
}
