using System.Collections.Concurrent;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Compaction;

/// <summary>Appends, reads, look-ups, retention and checkpoints go on while a log is cleaned.</summary>
public sealed class CompactionWhileInUseTests
{
    private static readonly LogConfig Config = LogConfig.Default with
    {
        Compact = true,
        SegmentBytes = 4000,
        IndexIntervalBytes = 200,
        FileDeleteDelayMs = 0,
        ProducerIdExpirationMs = long.MaxValue,
    };

    [Fact]
    public async Task Readers_WhileTheLogIsCleanedOverAndOver_SeeEveryKeyAndNoOffsetTwice()
    {
        var disk = new TestDisk();
        using var directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
        var log = directory.OpenPartition("topic", 0, new KafkaUuid(1, 2), Config);
        var history = new KeyedHistory(5);
        var errors = new ConcurrentQueue<Exception>();
        for (var round = 0; round < 10; round++)
        {
            history.Append(log, 40, Batches.Epoch2026 + (round * 100));
            history.EndTransactions(log);
            log.Roll();
            var isDone = false;
            var others = Enumerable.Range(0, 3).Select(i => Start(errors, () =>
            {
                var random = new Random(i);
                do
                {
                    ReadThrough(log, random);
                }
                while (!Volatile.Read(ref isDone));
            })).Append(Start(errors, () => history.Append(log, 20, Batches.Epoch2026 + (round * 100)))).ToList();
            var report = log.Compact(CompactionOptions.Default with { IoBufferBytes = 1000 });
            directory.WriteCheckpoints();
            disk.Environment.Deletions.Run(disk.Environment);
            Volatile.Write(ref isDone, true);
            await Task.WhenAll(others);
            Assert.Equal(CompactionOutcome.Cleaned, report.Outcome);
            Assert.True(errors.IsEmpty, string.Join('\n', errors));
            log.DeleteRecordsTo(Math.Min(log.Offsets.LogEnd / 4, log.Offsets.LastStable));
        }

        Assert.False(log.IsFailed);
        Assert.Empty(disk.Notices.Where(n => n.Kind == StorageNoticeKind.Failed).ToList());
        var before = KeyedHistory.Committed(log);
        log.Roll();
        log.Compact(CompactionOptions.Default);
        Assert.Equal(before, KeyedHistory.Committed(log));
    }

    [Fact]
    public async Task Truncation_WhileTheLogIsCleaned_EndsTheRoundAndKeepsTheRest()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var disk = new TestDisk(seed);
            using var directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
            var log = directory.OpenPartition("topic", 0, new KafkaUuid(1, 2), Config);
            var history = new KeyedHistory(seed);
            history.Append(log, 200, Batches.Epoch2026);
            history.EndTransactions(log);
            log.Roll();
            var errors = new ConcurrentQueue<Exception>();
            var end = log.Offsets.LogEnd;
            var cleaner = Start(errors, () => log.Compact(CompactionOptions.Default with { IoBufferBytes = 1000 }));
            var other = Start(errors, () => Assert.Equal(ErrorCode.None, log.TruncateTo(end / 2)));
            await Task.WhenAll(cleaner, other);
            Assert.True(errors.IsEmpty, string.Join('\n', errors));
            Assert.False(log.IsFailed);
            Assert.InRange(log.Offsets.LogEnd, 1, end / 2);
            Assert.True(log.CleanerCheckpoint <= log.Offsets.LogEnd);
            Batches.ReadAll(log);
            log.AdvanceHighWatermark(log.Offsets.LogEnd);
            Assert.NotEqual(CompactionOutcome.Aborted, log.Compact(CompactionOptions.Default).Outcome);
        }
    }

    [Fact]
    public async Task Deletion_WhileTheLogIsCleaned_LeavesNothingBehind()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var disk = new TestDisk(seed);
            using var directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
            var log = directory.OpenPartition("topic", 0, new KafkaUuid(1, 2), Config);
            var history = new KeyedHistory(seed);
            history.Append(log, 200, Batches.Epoch2026);
            history.EndTransactions(log);
            log.Roll();
            var errors = new ConcurrentQueue<Exception>();
            var cleaner = Start(errors, () => log.Compact(CompactionOptions.Default with { IoBufferBytes = 1000 }));
            var other = Start(errors, () => directory.DeletePartition(log));
            await Task.WhenAll(cleaner, other);
            Assert.True(errors.IsEmpty, string.Join('\n', errors));
            disk.Environment.Deletions.Run(disk.Environment, all: true);
            Assert.DoesNotContain(disk.Files.List("/data"), f => f.IsDirectory);
        }
    }

    private static void ReadThrough(PartitionLog log, Random random)
    {
        var offset = log.Offsets.LogStart;
        var end = log.Offsets.LogEnd;
        while (offset < end)
        {
            var read = log.Read(offset, random.Next(300, 3000), end, atLeastOneBatch: true, withAbortedTransactions: true);
            if (read.Error == ErrorCode.OffsetOutOfRange && offset < log.Offsets.LogStart)
            {
                read.Release();
                return;
            }

            Assert.Equal(ErrorCode.None, read.Error);
            var bytes = new byte[read.Length];
            Assert.Equal(bytes.Length, read.CopyTo(bytes));
            read.Release();
            var next = offset;
            var reader = new RecordBatchReader(bytes);
            while (reader.Next() == RecordBatchStep.Batch)
            {
                Assert.True(RecordBatchHeader.HasValidCrc(bytes.AsSpan((int)reader.Position..(int)reader.NextPosition)));
                Assert.True(reader.Current.LastOffset >= next, $"{reader.Current.LastOffset} behind {next}");
                next = reader.Current.NextOffset;
            }

            // The active segment is never cleaned: there is always a batch up to the end.
            Assert.True(next > offset, $"nothing at {offset} of {end}, start {log.Offsets.LogStart}");
            offset = next;
        }

        log.ByTimestamp(Batches.Epoch2026 + random.Next(6000), end);
        log.MaxTimestamp();
    }

    private static Task Start(ConcurrentQueue<Exception> errors, Action action) => Task.Factory.StartNew(
        () =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                errors.Enqueue(e);
            }
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    [Fact]
    public void Compact_OfALargeSegment_NeverLeavesMuchToOneFlush()
    {
        var disk = new TestDisk();
        using var log = disk.Open(LogConfig.Default with { Compact = true });
        for (var i = 0; i < 40; i++)
        {
            Batches.MustAppend(log, Batches.Plain(valueSize: 1_000_000, key: $"key {i}"), AppendOrigin.Coordinator);
        }

        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        log.Roll();
        var (unflushed, most) = (0L, 0L);
        disk.Files.BeforeWrite = (path, _, length) =>
        {
            unflushed += path.EndsWith(".log.cleaned", StringComparison.Ordinal) ? length : 0;
            most = Math.Max(most, unflushed);
        };
        disk.Files.BeforeFlush = path => unflushed = path.EndsWith(".log.cleaned", StringComparison.Ordinal) ? 0 : unflushed;
        Assert.Equal(CompactionOutcome.Cleaned, log.Compact(CompactionOptions.Default).Outcome);

        // Who waits for a flush of another file waits for what the disk has in hand as well.
        Assert.InRange(most, 1, 20 << 20);
        Assert.Equal(0, unflushed);
    }
}
