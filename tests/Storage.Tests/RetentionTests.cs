using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>Retention, DeleteRecords and the removal of files, rule by rule.</summary>
public sealed class RetentionTests
{
    private const long Now = Batches.Epoch2026;
    private static readonly int BatchSize = Batches.Plain().Length;
    private readonly TestDisk _disk = new();

    [Fact]
    public void Retention_ByTime_DeletesSegmentsWhoseNewestRecordIsOlder()
    {
        using var log = Filled(LogConfig.Default with { RetentionMs = 1000 }, Now, Now + 500, Now + 1000);
        _disk.Clock.NowMs = Now + 1000;
        Assert.Equal(0, log.ApplyRetention());
        _disk.Clock.NowMs = Now + 1501;
        Assert.Equal(2, log.ApplyRetention());
        Assert.Equal((2L, 3L), (log.Offsets.LogStart, log.Offsets.LogEnd));
    }

    [Fact]
    public void Retention_WithARecordFromTheFuture_KeepsItsSegmentAndAllBehind()
    {
        using var log = Filled(LogConfig.Default with { RetentionMs = 1000 }, Now, Now + 60_000, Now);
        _disk.Clock.NowMs = Now + 10_000;
        Assert.Equal(1, log.ApplyRetention());
        _disk.Clock.NowMs = Now + 61_001;
        log.ApplyRetention();
        Assert.Equal(3, log.Offsets.LogStart);
    }

    [Fact]
    public void Retention_OfAnExpiredActiveSegment_RollsAndDeletesIt()
    {
        using var log = Filled(LogConfig.Default with { RetentionMs = 1000 }, Now);
        _disk.Clock.NowMs = Now + 2000;
        log.ApplyRetention();
        Assert.Equal((1L, 1L, 1), (log.Offsets.LogStart, log.Offsets.LogEnd, log.SegmentCount));
        Assert.Equal(0, log.ApplyRetention());
        Assert.Equal(1, Batches.MustAppend(log, Batches.Plain()));
    }

    [Fact]
    public void Retention_WithLogAppendTime_CountsFromTheAppend()
    {
        var config = LogConfig.Default with { RetentionMs = 1000, TimestampType = TimestampType.LogAppendTime };
        using var log = Filled(config, Now - 100_000);
        Assert.Equal(0, log.ApplyRetention());
        _disk.Clock.NowMs = Now + 1001;
        log.ApplyRetention();
        Assert.Equal(1, log.Offsets.LogStart);
    }

    [Fact]
    public void Retention_OfRecordsWithoutTime_CountsFromTheSegment()
    {
        using var log = Filled(LogConfig.Default with { RetentionMs = 1000 }, -1);
        Assert.Equal(0, log.ApplyRetention());
        _disk.Clock.NowMs = Now + 1001;
        log.ApplyRetention();
        Assert.Equal(1, log.Offsets.LogStart);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 3)]
    [InlineData(2, 2)]
    [InlineData(4, 0)]
    [InlineData(-1, 0)]
    public void Retention_BySize_LeavesAtLeastSoManyBytes(int batches, long start)
    {
        var bytes = batches < 0 ? -1 : batches * BatchSize;
        using var log = Filled(LogConfig.Default with { RetentionMs = -1, RetentionBytes = bytes }, Now, Now, Now, Now);
        log.ApplyRetention();
        Assert.Equal(start, log.Offsets.LogStart);
    }

    [Fact]
    public void Retention_AboveTheHighWatermark_WaitsForTheFollowers()
    {
        using var log = _disk.Open(LogConfig.Default with { RetentionMs = 1000 });
        for (var i = 0; i < 3; i++)
        {
            Batches.MustAppend(log, Batches.Plain());
            log.Roll();
        }

        log.AdvanceHighWatermark(1);
        _disk.Clock.NowMs = Now + 5000;
        Assert.Equal(1, log.ApplyRetention());
        log.AdvanceHighWatermark(3);
        Assert.Equal(2, log.ApplyRetention());
    }

    [Fact]
    public void Retention_WithoutThePolicyDelete_DeletesNothing()
    {
        using var log = Filled(LogConfig.Default with { RetentionMs = 0, Delete = false }, Now, Now);
        _disk.Clock.NowMs = Now + 5000;
        Assert.Equal(0, log.ApplyRetention());
    }

    [Fact]
    public void Retention_OfACompactedLog_PassesSegmentsThatCleaningEmptied()
    {
        var config = LogConfig.Default with
        {
            RetentionMs = 1000,
            Compact = true,
            SegmentBytes = 300,
            MaxMessageBytes = 300,
        };
        using var log = Filled(config, Now, Now, Now, Now, Now, Now, Now + 3000);
        log.Compact(CompactionOptions.Default);
        Assert.Contains(log.Segments, s => s.Size == 0);
        _disk.Clock.NowMs = Now + 3500;
        log.ApplyRetention();
        Assert.Equal(6, log.Offsets.LogStart);
    }

    [Fact]
    public void DeleteRecords_InsideASegment_MovesTheStartAndKeepsTheSegment()
    {
        using var log = Filled(LogConfig.Default, Now, Now, Now);
        Batches.MustAppend(log, Batches.Plain(5));
        log.AdvanceHighWatermark(8);
        Assert.Equal(ErrorCode.None, log.DeleteRecordsTo(5));
        Assert.Equal((5L, 1), (log.Offsets.LogStart, log.SegmentCount));
        Assert.Equal(ErrorCode.OffsetOutOfRange, log.Read(4, 100, 8, true).Error);
        Assert.Equal(ErrorCode.OffsetOutOfRange, log.DeleteRecordsTo(9));
        Assert.Equal(ErrorCode.None, log.DeleteRecordsTo(2));
        Assert.Equal(5, log.Offsets.LogStart);
    }

    [Fact]
    public void Files_OfDeletedSegments_GoAfterTheDelayAndNotUnderAReader()
    {
        using var log = Filled(LogConfig.Default with { FileDeleteDelayMs = 1000 }, Now, Now, Now);
        var read = log.Read(0, 1000, 1, atLeastOneBatch: true);
        log.DeleteRecordsTo(2);
        Assert.Equal(2, log.RemoveDeletedSegments());
        Assert.DoesNotContain(_disk.Files.List(TestDisk.Directory), f => f.Name == "00000000000000000000.log");
        Assert.Equal(0, _disk.Environment.Deletions.Run(_disk.Environment));
        _disk.Clock.NowMs += 1001;
        _disk.Environment.Deletions.Run(_disk.Environment);
        Assert.Contains(_disk.Files.List(TestDisk.Directory), f => f.Name == "00000000000000000000.log.deleted");
        Assert.DoesNotContain(_disk.Files.List(TestDisk.Directory), f => f.Name == "00000000000000000001.log.deleted");
        Assert.Equal(BatchSize, read.CopyTo(new byte[BatchSize]));
        read.Release();
        _disk.Clock.NowMs += 1001;
        _disk.Environment.Deletions.Run(_disk.Environment);
        Assert.DoesNotContain(
            _disk.Files.List(TestDisk.Directory), f => f.Name.EndsWith(".deleted", StringComparison.Ordinal));
    }

    [Fact]
    public void Roll_ByRecordTime_ComparesWithTheFirstBatch()
    {
        using var log = _disk.Open(LogConfig.Default with { SegmentMs = 1000 });
        Batches.MustAppend(log, Batches.Plain(1, Now));
        Batches.MustAppend(log, Batches.Plain(1, Now + 1000));
        Batches.MustAppend(log, Batches.Plain(1, Now - 5000));
        Assert.Equal(1, log.SegmentCount);
        Batches.MustAppend(log, Batches.Plain(1, Now + 1001));
        Assert.Equal(2, log.SegmentCount);
        Assert.Equal(3, log.Segments[1].BaseOffset);
    }

    [Fact]
    public void Roll_WithLogAppendTime_ComparesAppendTimes()
    {
        using var log = _disk.Open(
            LogConfig.Default with { SegmentMs = 1000, TimestampType = TimestampType.LogAppendTime });
        Batches.MustAppend(log, Batches.Plain(1, Now));
        Batches.MustAppend(log, Batches.Plain(1, Now + 100_000));
        Assert.Equal(1, log.SegmentCount);
        _disk.Clock.NowMs += 1001;
        Batches.MustAppend(log, Batches.Plain(1, Now));
        Assert.Equal(2, log.SegmentCount);
    }

    [Fact]
    public void Roll_WithJitter_ComesEarlierButNotAtOnce()
    {
        var sizes = new HashSet<int>();
        for (var seed = 0; seed < 20; seed++)
        {
            var disk = new TestDisk(seed);
            var environment = new LogEnvironment(disk.Files, disk.Clock, new Random(seed));
            using var log = PartitionLog.Open(
                environment, "/data/t-0", "t", 0, LogConfig.Default with { SegmentMs = 1000, SegmentJitterMs = 5000 }, default);
            for (var i = 0; log.SegmentCount == 1; i++)
            {
                Batches.MustAppend(log, Batches.Plain(1, Now + (i * 100)));
            }

            var rolledAfter = log.Segments[1].BaseOffset;
            Assert.InRange(rolledAfter, 1, 11);
            sizes.Add((int)rolledAfter);
        }

        Assert.True(sizes.Count > 3);
    }

    [Fact]
    public void Roll_ByFullIndex_StartsAnotherSegment()
    {
        using var log = _disk.Open(LogConfig.Default with { SegmentIndexBytes = 40, IndexIntervalBytes = 0 });
        for (var i = 0; i < 12; i++)
        {
            Batches.MustAppend(log, Batches.Plain(1, Now + i));
        }

        Assert.All(log.Segments.SkipLast(1), s => Assert.InRange(s.TimeIndex.Count, 2, 3));
        Assert.True(log.SegmentCount > 3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Roll_ByOffsetRange_StartsASegmentThatReachesTheOffset(bool isEmpty)
    {
        const long far = 3L << 31;
        var log = _disk.Open(LogConfig.Default with { IndexIntervalBytes = 0, Compact = true });
        if (!isEmpty)
        {
            Batches.MustAppend(log, Batches.Plain(), AppendOrigin.Replication);
        }

        for (var i = 0; i < 3; i++)
        {
            var batch = Batches.Plain();
            RecordBatchHeader.SetPlace(batch, far + i, 0);
            Batches.MustAppend(log, batch, AppendOrigin.Replication);
        }

        Assert.Equal(far, log.Segments[^1].BaseOffset);
        Assert.Equal([far, far + 1, far + 2], Batches.Infos(log).Select(b => b.BaseOffset).TakeLast(3));
        Assert.True(log.Close());
        using var again = _disk.Open(log.Config, new LogOpenOptions { IsClean = true });
        Assert.Equal((far + 3, isEmpty ? 3 : 4), (again.Offsets.LogEnd, Batches.Infos(again).Count));
    }

    /// <summary>One batch a segment, all replicated; the last segment is the active one.</summary>
    private PartitionLog Filled(LogConfig config, params long[] timestamps)
    {
        var log = _disk.Open(config);
        for (var i = 0; i < timestamps.Length; i++)
        {
            if (i > 0)
            {
                log.Roll();
            }

            Batches.MustAppend(log, Batches.Plain(1, timestamps[i]), AppendOrigin.Coordinator);
        }

        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        return log;
    }
}
