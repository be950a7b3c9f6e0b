using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests;

public sealed class PartitionLogTests
{
    [Fact]
    public void Append_ToFreshLog_GivesOffsetsAndReadsBack()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Assert.Equal(0, Batches.MustAppend(log, Batches.Plain(3)));
        Assert.Equal(3, Batches.MustAppend(log, Batches.Plain(2)));
        Assert.Equal((0L, 0L, 5L), (log.Offsets.LogStart, log.Offsets.HighWatermark, log.Offsets.LogEnd));
        Assert.Equal([0L, 3L], Batches.Infos(log).Select(b => b.BaseOffset));
        Assert.True(log.AdvanceHighWatermark(5));
        Assert.Equal(5, log.Offsets.LastStable);
    }

    [Fact]
    public void Append_SeveralInOneCall_WritesThemAsOne()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        var writes = 0;
        disk.Files.BeforeWrite = (path, _, _) => writes += path.EndsWith(".log", StringComparison.Ordinal) ? 1 : 0;
        LogAppend[] appends = [.. Enumerable.Range(0, 50).Select(i => Batches.Of(Batches.Plain(1 + (i % 3)), epoch: 4))];
        appends[7].Records = new(new byte[3]);
        log.Append(appends);
        Assert.Equal(1, writes);
        Assert.Equal(ErrorCode.InvalidRecord, appends[7].Error);
        Assert.Equal(49, Batches.Infos(log).Count);
        Assert.All(Batches.Infos(log), b => Assert.Equal(4, b.LeaderEpoch));
        Assert.Equal(4, log.LatestLeaderEpoch);
    }

    [Fact]
    public void Append_FalseClaimOfAppendTime_LosesTheFlagAndKeepsAValidCrc()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        var builder = new RecordBatchBuilder { Attributes = RecordBatchHeader.LogAppendTimeFlag };
        builder.Add(Batches.Epoch2026, [1], [2]);
        var batch = builder.Build().ToArray();
        Batches.MustAppend(log, batch);
        Assert.Equal(0, batch[RecordBatchHeader.AttributesAt + 1] & RecordBatchHeader.LogAppendTimeFlag);
        Assert.Equal(
            Crc32C.Compute(batch.AsSpan(RecordBatchHeader.AttributesAt)),
            BinaryPrimitives.ReadUInt32BigEndian(batch.AsSpan(RecordBatchHeader.CrcAt)));
    }

    [Fact]
    public void Append_BeyondSegmentBytes_Rolls()
    {
        var disk = new TestDisk();
        var size = Batches.Plain().Length;
        using var log = disk.Open(LogConfig.Default with { SegmentBytes = size * 3 });
        LogAppend[] appends = [.. Enumerable.Range(0, 10).Select(_ => Batches.Of(Batches.Plain()))];
        log.Append(appends);
        Assert.Equal(4, log.SegmentCount);
        Assert.Equal(10, Batches.Infos(log).Count);
        Assert.Equal(10L * size, log.SizeBytes);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (long)i), appends.Select(a => a.BaseOffset));
    }

    [Fact]
    public void Read_UpToABound_StopsThere()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        for (var i = 0; i < 20; i++)
        {
            Batches.MustAppend(log, Batches.Plain(2));
        }

        var size = Batches.Plain(2).Length;
        var read = log.Read(4, int.MaxValue, 10, atLeastOneBatch: true);
        Assert.Equal((3 * size, 2L * size), (read.Length, read.Position));
        read.Release();
        read = log.Read(5, 1, 40, atLeastOneBatch: true);
        Assert.Equal((size, 2L * size), (read.Length, read.Position));
        read.Release();
        Assert.Equal(0, log.Read(5, 1, 40, atLeastOneBatch: false).Length);
        Assert.Equal(0, log.Read(40, 100, 40, atLeastOneBatch: true).Length);
        Assert.Equal(ErrorCode.OffsetOutOfRange, log.Read(41, 100, 40, atLeastOneBatch: true).Error);
        Assert.Equal(ErrorCode.OffsetOutOfRange, log.Read(-1, 100, 40, atLeastOneBatch: true).Error);
    }

    [Fact]
    public void Open_AfterClose_HasEverything()
    {
        var disk = new TestDisk();
        var config = LogConfig.Default with { SegmentBytes = 500, IndexIntervalBytes = 100 };
        var log = disk.Open(config);
        for (var i = 0; i < 30; i++)
        {
            Batches.MustAppend(log, Batches.Plain(2, Batches.Epoch2026 + i));
        }

        var before = Batches.ReadAll(log);
        Assert.True(log.Close());
        using var again = disk.Open(config, new LogOpenOptions { IsClean = true, RecoveryPoint = 60 });
        Assert.Equal(60, again.Offsets.LogEnd);
        Assert.Equal(before, Batches.ReadAll(again));
        Assert.Equal(0, again.Recovery.BytesCut);
        Assert.Equal(60, Batches.MustAppend(again, Batches.Plain()));
    }

    [Fact]
    public void Open_AfterKill_HasEverythingWritten()
    {
        var disk = new TestDisk();
        var config = LogConfig.Default with { SegmentBytes = 500, IndexIntervalBytes = 100 };
        var log = disk.Open(config);
        for (var i = 0; i < 30; i++)
        {
            Batches.MustAppend(log, Batches.Plain(2));
        }

        var before = Batches.ReadAll(log);
        disk.Files.Kill();
        using var again = disk.Open(config);
        Assert.Equal(before, Batches.ReadAll(again));
        Assert.Empty(disk.Notices);
    }

    [Fact]
    public void Append_WhenTheWriteFails_PoisonsTheLog()
    {
        var disk = new TestDisk();
        var log = disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        disk.Files.TearNextWriteAt = 20;
        Assert.Equal(ErrorCode.KafkaStorageError, Batches.AppendTo(log, Batches.Plain()).Error);
        Assert.Equal(ErrorCode.KafkaStorageError, Batches.AppendTo(log, Batches.Plain()).Error);
        Assert.Equal((true, 1L), (log.IsFailed, log.Offsets.LogEnd));
        Assert.Single(Batches.ReadAll(log));
        log.Dispose();
        using var again = disk.Open();
        Assert.Equal(1, again.Offsets.LogEnd);
        Assert.Equal(20, again.Recovery.BytesCut);
        Assert.Equal(1, Batches.MustAppend(again, Batches.Plain()));
    }

    [Fact]
    public void Flush_Done_MovesTheRecoveryPoint()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Batches.MustAppend(log, Batches.Plain(3));
        Assert.Equal(0, log.RecoveryPoint);
        Assert.True(log.Flush());
        Assert.Equal(3, log.RecoveryPoint);
        disk.Files.BeforeFlush = _ => throw new IOException("EIO");
        Batches.MustAppend(log, Batches.Plain(3));
        Assert.False(log.Flush());
        disk.Files.BeforeFlush = null;
        Assert.False(log.Flush());
        Assert.Equal(3, log.RecoveryPoint);
    }
}
