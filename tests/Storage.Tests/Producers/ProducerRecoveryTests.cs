using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Producers;

/// <summary>What a log knows of its producers after it was opened, cut, or rolled: snapshots, replay, aborted transactions.</summary>
public sealed class ProducerRecoveryTests
{
    private static readonly LogOpenOptions Clean = new() { IsClean = true, RecoveryPoint = long.MaxValue };
    private readonly TestDisk _disk = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Open_WithTheNewestSnapshotDamaged_TakesAnOlderOne(bool isClean)
    {
        var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0));
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Idempotent(2, 0, 0, 3));
        Assert.True(log.Close());
        Assert.Equal([1L, 4], Snapshots());
        Overwrite(4, bytes => bytes[20] ^= 1);

        using var again = _disk.Open(options: isClean ? Clean : default);
        Assert.Equal([(1L, 0), (2L, 2)], Sequences(again));
        Assert.Equal([1L], Snapshots());
    }

    [Fact]
    public void Open_AfterManyCleanStops_KeepsTheSnapshotsThatAreOfUse()
    {
        var log = _disk.Open();
        for (var i = 0; i < 6; i++)
        {
            Batches.MustAppend(log, Batches.Idempotent(1, 0, i));
            if (i == 2)
            {
                Assert.True(log.Roll());
            }

            Assert.True(log.Close());
            log = _disk.Open(options: Clean);
        }

        Assert.Equal([3L, 6], Snapshots());
        log.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_AfterRecordsWereDeletedWithinASegment_StillKnowsTheirProducers(bool withSnapshot)
    {
        var log = _disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0));
        Batches.MustAppend(log, Batches.Plain(5));
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        Assert.Equal(ErrorCode.None, log.DeleteRecordsTo(4));
        log.RemoveDeletedSegments();
        log.Dispose();
        if (!withSnapshot)
        {
            _disk.Files.DeleteFile(PathOf(1));
        }

        using var again = _disk.Open(options: new LogOpenOptions { LogStartOffset = 4 });
        Assert.Equal(4, again.Offsets.LogStart);
        var duplicate = Batches.AppendTo(again, Batches.Idempotent(1, 0, 0));
        Assert.Equal((true, 1L), (duplicate.IsDuplicate, duplicate.BaseOffset));
    }

    [Fact]
    public void RemoveDeletedSegments_TakesTheirSnapshots()
    {
        using var log = _disk.Open();
        for (var i = 0; i < 4; i++)
        {
            Batches.MustAppend(log, Batches.Idempotent(1, 0, i));
            Assert.True(log.Roll());
        }

        log.AdvanceHighWatermark(4);
        Assert.Equal(ErrorCode.None, log.DeleteRecordsTo(3));
        log.RemoveDeletedSegments();
        Assert.Equal([3L, 4], Snapshots());
    }

    [Fact]
    public void Append_BehindAGapThatRolls_PutsTheSnapshotWhereTheSegmentBegins()
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0));
        var far = Batches.Plain();
        BinaryPrimitives.WriteInt64BigEndian(far, 5_000_000_000);
        Batches.MustAppend(log, far, AppendOrigin.Replication);
        Assert.Equal([5_000_000_000], Snapshots());
        Assert.Equal(5_000_000_000, log.Segments[^1].BaseOffset);
    }

    [Fact]
    public void TruncateTo_BelowASnapshot_GoesBackToWhatWasKnownThere()
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0));
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 1, transactional: true));
        Batches.MustAppend(log, Batches.Idempotent(1, 1, 0, transactional: true));
        Assert.True(log.Roll());
        Assert.Equal(ErrorCode.None, log.TruncateTo(2));
        Assert.Equal([1L], Snapshots());
        var known = log.DescribeProducers().Single();
        Assert.Equal((0, 1, 1L), (known.Epoch, known.LastSequence, known.TransactionFirstOffset));
    }

    [Fact]
    public void TruncateFullyAndStartAt_WhereASnapshotLies_KnowsNobody()
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0, transactional: true));
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Plain());
        Assert.Equal(ErrorCode.None, log.TruncateFullyAndStartAt(1));
        Assert.Empty(log.DescribeProducers());
        Assert.Empty(Snapshots());

        Batches.MustAppend(log, Batches.Plain());
        log.AdvanceHighWatermark(2);
        Assert.Equal(2, log.Offsets.LastStable);
    }

    [Fact]
    public void Open_WithSnapshotsButNoSegments_KnowsNobody()
    {
        var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0, 3));
        Assert.True(log.Close());
        _disk.Files.DeleteFile(LogFileName.PathOf(TestDisk.Directory, 0, LogFileName.Log));

        log = _disk.Open();
        Batches.MustAppend(log, Batches.Plain(5));
        log.Dispose();
        using var again = _disk.Open();
        Assert.Empty(again.DescribeProducers());
    }

    [Fact]
    public void Open_WithATransactionIndexWhoseSegmentIsGone_DoesNotBelieveIt()
    {
        var log = _disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        Assert.True(log.Roll());
        Abort(log, 1);
        Assert.True(log.Close());

        // A truncation died after the first of its renamings.
        _disk.Files.DeleteFile(LogFileName.PathOf(TestDisk.Directory, 1, LogFileName.Log));
        log = _disk.Open();
        Assert.Equal(1, log.Offsets.LogEnd);
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 1, transactional: true));
        Batches.MustAppend(log, Batches.Marker(1, 0, commit: true), AppendOrigin.Coordinator);
        Assert.True(log.Close());

        using var again = _disk.Open(options: Clean);
        Assert.Empty(Aborted(again));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Open_WithoutTheTransactionIndexOfARolledSegment_MakesItAnew(long recoveryPoint)
    {
        var log = _disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        Abort(log, 1);
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Plain());
        log.Dispose();

        // A power cut leaves the snapshot, which nobody flushed, and takes the index, which nobody flushed either.
        _disk.Files.DeleteFile(LogFileName.PathOf(TestDisk.Directory, 0, LogFileName.TransactionIndex));
        using var again = _disk.Open(options: new LogOpenOptions { RecoveryPoint = recoveryPoint });
        Assert.Equal(4, again.Offsets.LogEnd);
        Assert.Equal([new AbortedTransaction(1, 1, 2, 3)], Aborted(again));
    }

    [Fact]
    public void Open_AfterATruncationAndAPowerCut_DoesNotBelieveSnapshotsOfWhatWasCut()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var disk = new TestDisk(seed);
            var log = disk.Open();
            Batches.MustAppend(log, Batches.Plain());
            Batches.MustAppend(log, Batches.Idempotent(1, 0, 0, 2));
            Assert.True(log.Roll());
            Batches.MustAppend(log, Batches.Plain());
            Assert.True(log.Flush());
            using (var snapshot = disk.Files.Open(PathOf(3), FileOpen.ReadWrite))
            {
                snapshot.Flush();
            }

            Assert.Equal(ErrorCode.None, log.TruncateTo(1));
            var file = log.Segments[^1].File;
            Batches.MustAppend(log, Batches.Plain(4));

            // The system writes contents back by itself, names not.
            file.Pin()!.Flush();
            disk.Files.Crash();
            using var again = disk.Open(options: new LogOpenOptions { RecoveryPoint = 1 });
            Assert.Equal(5, again.Offsets.LogEnd);
            Assert.Empty(again.DescribeProducers());
        }
    }

    [Fact]
    public void TruncateTo_WithinASegment_FlushesItsTransactionIndex()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var disk = new TestDisk(seed);
            var log = disk.Open();
            Abort(log, 1);
            Batches.MustAppend(log, Batches.Plain());
            Assert.True(log.Flush());
            Assert.Equal(ErrorCode.None, log.TruncateTo(2));
            Assert.True(log.Roll());
            Batches.MustAppend(log, Batches.Plain());
            Assert.True(log.Flush());
            Batches.MustAppend(log, Batches.Plain());
            disk.Files.Crash();
            using var again = disk.Open(options: new LogOpenOptions { RecoveryPoint = 3 });
            Assert.Equal([new AbortedTransaction(1, 0, 1, 2)], Aborted(again));
        }
    }

    [Fact]
    public void Flush_AfterARoll_FlushesTheSnapshots()
    {
        var log = _disk.Open();
        for (var i = 0; i < 3; i++)
        {
            Batches.MustAppend(log, Batches.Idempotent(i, 0, 0));
            Assert.True(log.Roll());
        }

        Assert.True(log.Flush());
        _disk.Files.Crash();
        Assert.Equal([1L, 2, 3], Snapshots());
        using var again = _disk.Open(options: new LogOpenOptions { RecoveryPoint = 3 });
        Assert.Equal(3, again.DescribeProducers().Count);
        Assert.DoesNotContain(_disk.Notices, n => n.Kind == StorageNoticeKind.Rebuilt);
    }

    /// <summary>No snapshot tells that a transaction was decided, and that its marker may still be cut off.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void LastStableOffset_OfATransactionDecidedAboveTheHighWatermark_StaysInFrontOfIt(bool isOpened, bool isClean)
    {
        var log = _disk.Open();
        Batches.MustAppend(log, Batches.Plain());
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0, transactional: true));
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Plain());
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Marker(1, 0, commit: true), AppendOrigin.Coordinator);
        Assert.True(log.Roll());
        Batches.MustAppend(log, Batches.Plain());
        log.AdvanceHighWatermark(3);
        Assert.Equal((1L, 3L), (log.Offsets.LastStable, log.Offsets.HighWatermark));
        if (isOpened)
        {
            Assert.True(log.Close());
            log = _disk.Open(options: isClean ? Clean with { HighWatermark = 3 } : new LogOpenOptions { HighWatermark = 3 });
        }
        else
        {
            Assert.Equal(ErrorCode.None, log.TruncateTo(4));
        }

        Assert.Equal((1L, 3L), (log.Offsets.LastStable, log.Offsets.HighWatermark));
        log.AdvanceHighWatermark(4);
        Assert.Equal(4, log.Offsets.LastStable);
        log.Dispose();
    }

    [Fact]
    public void Append_OfAReplicatedMarkerThatIsEmpty_EndsNothing()
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0, transactional: true));
        var rewriter = new BatchRewriter();
        var marker = Batches.Marker(1, 0, commit: true);
        BinaryPrimitives.WriteInt64BigEndian(marker, 1);
        var empty = rewriter.Empty(new RecordBatchInfo(marker)).ToArray();
        Batches.MustAppend(log, empty, AppendOrigin.Replication);
        Assert.Equal(0, log.DescribeProducers().Single().TransactionFirstOffset);
        Assert.Empty(Aborted(log));
    }

    private static void Abort(PartitionLog log, long producerId)
    {
        Batches.MustAppend(log, Batches.Idempotent(producerId, 0, 0, transactional: true));
        Batches.MustAppend(log, Batches.Marker(producerId, 0, commit: false), AppendOrigin.Coordinator);
    }

    private static List<AbortedTransaction> Aborted(PartitionLog log) =>
        [.. log.Segments.SelectMany(s => s.TransactionIndex.ReadAll())];

    private static List<(long Producer, int Sequence)> Sequences(PartitionLog log) =>
        [.. log.DescribeProducers().Select(p => (p.ProducerId, p.LastSequence)).Order()];

    private static string PathOf(long snapshot) =>
        LogFileName.PathOf(TestDisk.Directory, snapshot, LogFileName.Snapshot);

    private List<long> Snapshots() =>
    [
        .. _disk.Files.List(TestDisk.Directory)
            .Where(e => e.Name.EndsWith(LogFileName.Snapshot, StringComparison.Ordinal))
            .Select(e => long.Parse(e.Name[..20], System.Globalization.CultureInfo.InvariantCulture)).Order(),
    ];

    private void Overwrite(long snapshot, Action<byte[]> change)
    {
        var bytes = _disk.Files.ReadAll(PathOf(snapshot), int.MaxValue)!;
        change(bytes);
        _disk.Files.WriteUnflushed(PathOf(snapshot), bytes);
    }
}
