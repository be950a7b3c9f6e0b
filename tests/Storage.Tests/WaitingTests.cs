namespace Orleans.Kafka.Storage.Tests;

/// <summary>Who waits for the disk: never an append or a reader for somebody's flush.</summary>
public sealed class WaitingTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void AppendAndRead_WhileAnyFileIsFlushed_DoNotWait()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Abort(log, 7);
        Assert.True(log.Roll());
        log.AssignLeaderEpoch(3, log.Offsets.LogEnd);
        Batches.MustAppend(log, Batches.Plain());
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        var flushed = new List<string>();
        var aborted = 0;
        disk.Files.BeforeFlush = path =>
        {
            flushed.Add(Path.GetFileName(path));
            var others = new Thread(() =>
            {
                Abort(log, 100 + flushed.Count);
                var read = log.Read(0, 1 << 20, log.Offsets.HighWatermark, true, withAbortedTransactions: true);
                aborted += read.AbortedTransactions!.Count;
                read.Release();
            });
            others.Start();
            Assert.True(others.Join(Patience), $"an append or a read waits while {path} is flushed");
        };
        Assert.True(log.Flush());

        Assert.Contains(flushed, f => f.EndsWith(".txnindex", StringComparison.Ordinal));
        Assert.Contains(flushed, f => f.EndsWith(".log", StringComparison.Ordinal));
        Assert.Contains(flushed, f => f.StartsWith("leader-epoch", StringComparison.Ordinal));
        Assert.Equal(flushed.Count, aborted);
    }

    [Fact]
    public void Read_WhileABatchIsWritten_DoesNotWait()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        Abort(log, 7);
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        var writes = 0;
        disk.Files.BeforeWrite = (path, _, _) =>
        {
            writes++;
            var reader = new Thread(() =>
            {
                log.Read(0, 1 << 20, log.Offsets.HighWatermark, true, withAbortedTransactions: true).Release();
                log.ByTimestamp(Batches.Epoch2026, log.Offsets.HighWatermark);
            });
            reader.Start();
            Assert.True(reader.Join(Patience), $"a reader waits while {path} is written");
        };
        Batches.MustAppend(log, Batches.Plain());
        Assert.True(log.Roll());

        // The batch; then the indexes of the segment that ends, and the snapshot.
        Assert.True(writes >= 4, $"{writes} writes");
    }

    [Fact]
    public void Flush_OfAnEpochAlone_MakesItsNameDurable()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var disk = new TestDisk(seed);
            using var log = disk.Open();
            log.AssignLeaderEpoch(1, 0);
            Batches.MustAppend(log, Batches.Plain());
            Assert.True(log.Flush());
            log.AssignLeaderEpoch(2, log.Offsets.LogEnd);
            Batches.MustAppend(log, Batches.Plain());
            Assert.True(log.Flush());
            disk.Files.Crash();
            using var again = disk.Open(options: new LogOpenOptions { RecoveryPoint = 2 });
            Assert.Equal(2, again.LatestLeaderEpoch);
        }
    }

    private static void Abort(PartitionLog log, long producerId)
    {
        Batches.MustAppend(log, Batches.Idempotent(producerId, 0, 0, transactional: true));
        Batches.MustAppend(log, Batches.Marker(producerId, 0, commit: false), AppendOrigin.Coordinator);
    }
}
