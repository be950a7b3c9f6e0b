using System.Text;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Compaction;

/// <summary>The rules of cleaning, one by one.</summary>
public sealed class CompactionTests
{
    private static readonly LogConfig Config = LogConfig.Default with
    {
        Compact = true,
        Delete = false,
        ProducerIdExpirationMs = long.MaxValue,
    };

    [Theory]
    [InlineData(0, 0xa3817f04ba25a8e6UL, 0x6df67214c7550293UL)]
    [InlineData(1, 0xda87c1d86b99af44UL, 0x347659119b22fc45UL)]
    public void Hash_OfTheReferenceKeys_IsTheReference(int length, ulong first, ulong second)
    {
        var hasher = new KeyHasher(0x0706050403020100, 0x0f0e0d0c0b0a0908);
        var hash = hasher.Hash(Enumerable.Range(0, length).Select(i => (byte)i).ToArray());
        var reversed = new KeyHash(
            System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(hash.Low),
            System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(hash.High));
        Assert.Equal(new KeyHash(first, second), reversed);
    }

    [Fact]
    public void KeyMap_WhenFull_TakesOnlyKeysItHas()
    {
        var map = new KeyOffsetMap(new KeyHasher(1, 2), 24 * 20, 0.5, long.MaxValue);
        Assert.Equal(10, map.Capacity);
        for (var i = 0; i < 10; i++)
        {
            Assert.True(map.TryPut(HashOf(map, i), i));
        }

        Assert.False(map.TryPut(HashOf(map, 10), 10));
        Assert.True(map.TryPut(HashOf(map, 3), 33));
        Assert.Equal((33L, 9L, -1L), (OffsetOf(map, 3), OffsetOf(map, 9), OffsetOf(map, 10)));
        Assert.Equal(10, map.Count);
    }

    [Fact]
    public void KeyMap_ForFewKeys_TakesLittleMemory()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var map = new KeyOffsetMap(new KeyHasher(1, 2), 128 << 20, 0.9, mostKeys: 1000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 10);
        Assert.True(map.Capacity >= 1000);
    }

    [Fact]
    public void Measure_OfALogWithOneSegment_FindsNothingToClean()
    {
        using var log = new TestDisk().Open(Config);
        Put(log, "a", "1");
        var state = log.MeasureCleanable();
        Assert.Equal((0L, 0L, 0.0), (state.FirstUncleanableOffset, state.CleanableBytes, state.DirtyRatio));
        Assert.Equal(CompactionOutcome.Nothing, log.Compact(CompactionOptions.Default).Outcome);
    }

    [Fact]
    public void Measure_BeforeAndAfterCleaning_CountsDirtyBytes()
    {
        using var log = new TestDisk().Open(Config);
        PutAndRoll(log, "a", "b", "a");
        var state = log.MeasureCleanable();
        Assert.Equal((1.0, true, false), (state.DirtyRatio, state.IsDue(0.5), state.IsOverdue));
        log.Compact(CompactionOptions.Default);
        Assert.Equal((3L, 0L), (log.CleanerCheckpoint, log.MeasureCleanable().CleanableBytes));
        PutAndRoll(log, "a");
        state = log.MeasureCleanable();
        Assert.InRange(state.DirtyRatio, 0.3, 0.36);
        Assert.False(state.IsDue(0.5));
        Assert.True(state.IsDue(0.3));
    }

    [Fact]
    public void Compact_BelowTheLastStableOffset_StopsAtTheOpenTransaction()
    {
        using var log = new TestDisk().Open(Config);
        PutAndRoll(log, "a", "a");
        Batches.MustAppend(log, Batches.Idempotent(5, 0, 0, transactional: true));
        PutAndRoll(log, "a", "a");
        PutAndRoll(log, "a");
        Assert.Equal(2, log.MeasureCleanable().FirstUncleanableOffset);
        log.Compact(CompactionOptions.Default);
        Assert.Equal([1L, 2, 3, 4, 5], Offsets(log));
        Batches.MustAppend(log, Batches.Marker(5, 0, commit: true), AppendOrigin.Coordinator);
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        log.Compact(CompactionOptions.Default);
        Assert.Equal([2L, 5, 6], Offsets(log));
    }

    [Fact]
    public void Compact_BelowTheHighWatermark_StopsThere()
    {
        using var log = new TestDisk().Open(Config);
        PutAndRoll(log, "a");
        Put(log, "a", "not replicated", replicated: false);
        log.Roll();
        log.Compact(CompactionOptions.Default);
        Assert.Equal([0L, 1], Offsets(log));
    }

    [Fact]
    public void Compact_WithinTheLeastLag_LeavesYoungSegments()
    {
        var disk = new TestDisk();
        using var log = disk.Open(Config with { MinCompactionLagMs = 1000 });
        PutAndRoll(log, "a");
        disk.Clock.NowMs += 900;
        Put(log, "a", "x", timestamp: disk.Clock.NowMs);
        log.Roll();
        Put(log, "b", "x", timestamp: disk.Clock.NowMs);
        disk.Clock.NowMs += 200;
        Assert.Equal(1, log.MeasureCleanable().FirstUncleanableOffset);
        disk.Clock.NowMs += 1000;
        Assert.Equal(2, log.MeasureCleanable().FirstUncleanableOffset);
    }

    [Fact]
    public void Measure_BeyondTheMostLag_IsOverdue()
    {
        var disk = new TestDisk();
        using var log = disk.Open(Config with { MaxCompactionLagMs = 1000 });
        PutAndRoll(log, [.. Enumerable.Range(0, 20).Select(i => $"{i}")]);
        log.Compact(CompactionOptions.Default);
        PutAndRoll(log, "1");
        Assert.False(log.MeasureCleanable().IsDue(0.5));
        disk.Clock.NowMs += 1001;
        Assert.True(log.MeasureCleanable().IsDue(0.5));
    }

    [Fact]
    public void Compact_OfTombstones_RemovesThemBehindTheirFirstHorizon()
    {
        var disk = new TestDisk();
        using var log = disk.Open(Config with { DeleteRetentionMs = 1000 });
        Put(log, "a", "1");
        Put(log, "a", null);
        PutAndRoll(log, "b");
        log.Compact(CompactionOptions.Default);
        var tombstone = Batches.Infos(log)[0];
        Assert.Equal(
            (1L, true, disk.Clock.NowMs + 1000), (tombstone.BaseOffset, tombstone.HasDeleteHorizon, tombstone.BaseTimestamp));

        // A later change of the setting does not move the horizon.
        log.Config = Config with { DeleteRetentionMs = 1_000_000 };
        disk.Clock.NowMs += 999;
        PutAndRoll(log, "c");
        log.Compact(CompactionOptions.Default);
        Assert.Equal([1L, 2, 3], Offsets(log));
        Assert.Equal(tombstone.BaseTimestamp, Batches.Infos(log)[0].BaseTimestamp);
        disk.Clock.NowMs += 1;
        PutAndRoll(log, "d");
        log.Compact(CompactionOptions.Default);
        Assert.Equal([2L, 3, 4], Offsets(log));
    }

    [Fact]
    public void Compact_OfAnAbortedTransaction_DropsItsRecordsAndLaterItsMarker()
    {
        var disk = new TestDisk();
        using var log = disk.Open(Config with { DeleteRetentionMs = 1000 });
        PutAndRoll(log, "k");
        Batches.MustAppend(log, Batches.Idempotent(5, 0, 0, transactional: true));
        Batches.MustAppend(log, Batches.Idempotent(5, 0, 1, transactional: true));
        Batches.MustAppend(log, Batches.Marker(5, 0, commit: false), AppendOrigin.Coordinator);
        PutAndRoll(log, "k");
        log.Compact(CompactionOptions.Default);

        // The last batch of a live producer stays, without records.
        Assert.Equal([2L, 3, 4], Batches.Infos(log).Select(b => b.BaseOffset));
        Assert.Equal((0, 1), (Batches.Infos(log)[0].RecordCount, Batches.Infos(log)[0].BaseSequence));
        disk.Clock.NowMs += 10_000_000;
        log.Config = log.Config with { ProducerIdExpirationMs = 1 };
        Assert.Equal(1, log.RemoveExpiredProducers());
        PutAndRoll(log, "x");
        log.Compact(CompactionOptions.Default);
        Assert.Equal([3L, 4, 5], Batches.Infos(log).Select(b => b.BaseOffset));
        PutAndRoll(log, "x");
        log.Compact(CompactionOptions.Default);
        Assert.True(Batches.Infos(log)[0].HasDeleteHorizon);
        disk.Clock.NowMs += 1000;
        PutAndRoll(log, "x");
        log.Compact(CompactionOptions.Default);
        Assert.Equal([4L, 7], Batches.Infos(log).Select(b => b.BaseOffset));
        Assert.Empty(log.Segments.SelectMany(s => s.TransactionIndex.ReadAll()));
    }

    [Fact]
    public void Compact_WithASmallMap_GoesOnWhereItStopped()
    {
        using var log = new TestDisk().Open(Config);
        PutAndRoll(log, [.. Enumerable.Range(0, 40).Select(i => $"{i % 20}")]);
        var options = CompactionOptions.Default with { KeyMapBytes = 16 * 24, KeyMapLoadFactor = 0.5 };
        Assert.Equal(8, log.Compact(options).CleanedTo);
        while (log.Compact(options).Outcome == CompactionOutcome.Cleaned)
        {
            Assert.InRange(log.CleanerCheckpoint, 9, 40);
        }

        Assert.Equal(40, log.CleanerCheckpoint);
        Assert.Equal(Enumerable.Range(20, 20).Select(i => (long)i), Offsets(log));
    }

    [Fact]
    public void Compact_OfSmallSegments_JoinsThem()
    {
        using var log = new TestDisk().Open(Config with { SegmentBytes = 1000 });
        for (var i = 0; i < 20; i++)
        {
            PutAndRoll(log, "a", "b");
        }

        var count = log.SegmentCount;
        log.Compact(CompactionOptions.Default);
        Assert.InRange(log.SegmentCount, 2, count / 2);
        PutAndRoll(log, "a", "b");
        log.Compact(CompactionOptions.Default);
        Assert.Equal(2, log.SegmentCount);
        Assert.Equal([40L, 41], Offsets(log));
    }

    [Fact]
    public void Compact_OfAWrongCrc_GivesUpOnTheLogAndSaysSo()
    {
        var disk = new TestDisk();
        using var log = disk.Open(Config);
        PutAndRoll(log, "a", "a");
        disk.Files.FlipBit($"{TestDisk.Directory}/00000000000000000000.log", 70, 1);
        Assert.Equal(CompactionOutcome.Uncleanable, log.Compact(CompactionOptions.Default).Outcome);
        Assert.Contains("CRC", log.UncleanableReason, StringComparison.Ordinal);
        Assert.Single(disk.Notices, n => n.Kind == StorageNoticeKind.CleaningFailed);
        Assert.Equal(CompactionOutcome.Uncleanable, log.Compact(CompactionOptions.Default).Outcome);
        Assert.Single(disk.Notices, n => n.Kind == StorageNoticeKind.CleaningFailed);
        Assert.False(log.IsFailed);
        Assert.Equal(2, log.SegmentCount);
    }

    [Fact]
    public void Compact_OnAFullDisk_LeavesTheLogAsItWas()
    {
        var disk = new TestDisk();
        using var log = disk.Open(Config);
        PutAndRoll(log, "a", "a");
        disk.Files.BeforeWrite = (path, _, _) =>
        {
            if (path.EndsWith(".cleaned", StringComparison.Ordinal))
            {
                throw new IOException("No space left on device");
            }
        };
        Assert.Equal(CompactionOutcome.DiskFailed, log.Compact(CompactionOptions.Default).Outcome);
        disk.Files.BeforeWrite = null;
        Assert.DoesNotContain(disk.Files.List(TestDisk.Directory), f => f.Name.EndsWith(".cleaned", StringComparison.Ordinal));
        Assert.Equal([0L, 1], Offsets(log));
        Assert.Equal(CompactionOutcome.Cleaned, log.Compact(CompactionOptions.Default).Outcome);
        Assert.Equal([1L], Offsets(log));
    }

    [Theory]
    [InlineData("truncate")]
    [InlineData("close")]
    [InlineData("stop")]
    public void Compact_WhenTheLogChangesMeanwhile_StopsAndChangesNothing(string change)
    {
        var disk = new TestDisk();
        using var log = disk.Open(Config);
        PutAndRoll(log, "a", "a");
        Put(log, "b", "1");
        using var stop = new CancellationTokenSource();
        var isDone = false;
        disk.Files.BeforeRead = (path, _, _) =>
        {
            if (isDone || !path.EndsWith("0.log", StringComparison.Ordinal))
            {
                return;
            }

            isDone = true;
            switch (change)
            {
                case "truncate":
                    log.TruncateTo(2);
                    break;
                case "close":
                    log.Dispose();
                    break;
                default:
                    stop.Cancel();
                    break;
            }
        };
        Assert.Equal(CompactionOutcome.Aborted, log.Compact(CompactionOptions.Default, stop.Token).Outcome);
        Assert.True(isDone);
        Assert.DoesNotContain(disk.Files.List(TestDisk.Directory), f => f.Name.EndsWith(".cleaned", StringComparison.Ordinal));
        Assert.False(log.IsFailed);
    }

    [Fact]
    public void Read_OfAReplacedSegment_KeepsItsBytesUntilReleased()
    {
        var disk = new TestDisk();
        using var log = disk.Open(Config with { FileDeleteDelayMs = 0 });
        PutAndRoll(log, "a", "a");
        var read = log.Read(0, 10_000, 2, atLeastOneBatch: true);
        log.Compact(CompactionOptions.Default);
        Assert.Equal(0, disk.Environment.Deletions.Run(disk.Environment));
        var bytes = new byte[read.Length];
        Assert.Equal(bytes.Length, read.CopyTo(bytes));
        Assert.Equal(0, new RecordBatchInfo(bytes).BaseOffset);
        read.Release();
        Assert.True(disk.Environment.Deletions.Run(disk.Environment) > 0);
        Assert.Equal([1L], Offsets(log));
    }

    private static long OffsetOf(KeyOffsetMap map, int key) => map.OffsetOf(HashOf(map, key));

    private static KeyHash HashOf(KeyOffsetMap map, int key) => map.Hash(BitConverter.GetBytes(key));

    private static void PutAndRoll(PartitionLog log, params string[] keys)
    {
        foreach (var key in keys)
        {
            Put(log, key, "value");
        }

        Assert.True(log.Roll());
    }

    private static void Put(
        PartitionLog log, string key, string? value, long timestamp = Batches.Epoch2026, bool replicated = true)
    {
        var builder = new RecordBatchBuilder();
        builder.Add(timestamp, Encoding.UTF8.GetBytes(key), value is null ? null : Encoding.UTF8.GetBytes(value));
        Batches.MustAppend(log, builder.Build().ToArray());
        log.AdvanceHighWatermark(replicated ? log.Offsets.LogEnd : 0);
    }

    private static List<long> Offsets(PartitionLog log) => [.. Batches.Infos(log).Select(b => b.BaseOffset)];
}
