using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Compaction;

/// <summary>Random histories, cleaned again and again: no reader of committed data can tell, but for the space.</summary>
public sealed class CompactionPropertyTests
{
    private static readonly int SeedsPerCase =
        int.TryParse(Environment.GetEnvironmentVariable("ORLEANS_KAFKA_SEEDS"), out var seeds) ? seeds : 40;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Compact_OfARandomHistory_KeepsTheLastValueOfEachKey(int part)
    {
        for (var seed = part * SeedsPerCase; seed < (part + 1) * SeedsPerCase; seed++)
        {
            try
            {
                Run(seed);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }

    private static void Run(int seed)
    {
        var disk = new TestDisk(seed);
        var history = new KeyedHistory(seed);
        var config = KeyedHistory.Config(history.Random);
        var directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
        var log = directory.OpenPartition("topic", 0, new KafkaUuid(1, 2), config);
        for (var round = 0; round < 6; round++)
        {
            history.Append(log, history.Random.Next(5, 40), disk.Clock.NowMs);
            if (history.Random.Next(2) == 0)
            {
                history.EndTransactions(log);
            }

            log.Roll();
            Check(log, history);
            disk.Clock.NowMs += history.Random.Next(2500);
            if (history.Random.Next(4) == 0)
            {
                Assert.True(directory.Close());
                directory = LogDirectory.Open(disk.NewEnvironment(), "/data", "cluster", 1);
                log = directory.OpenPartition("topic", 0, new KafkaUuid(1, 2), config);
            }
        }

        Assert.DoesNotContain(disk.Notices, n => n.Kind != StorageNoticeKind.Recovered);
        directory.Dispose();
    }

    private static void Check(PartitionLog log, KeyedHistory history)
    {
        var before = KeyedHistory.Committed(log);
        var producers = log.DescribeProducers();
        var offsets = (log.Offsets.LogStart, log.Offsets.LastStable, log.Offsets.LogEnd);
        var state = log.MeasureCleanable();
        var above = Batches.ReadAll(log).Where(b => new RecordBatchInfo(b).BaseOffset >= state.FirstUncleanableOffset).ToList();
        var options = CompactionOptions.Default with
        {
            KeyMapBytes = history.Random.Next(3) == 0 ? 24 * 16 : 1 << 20,
            KeyMapLoadFactor = history.Random.Next(2) == 0 ? 0.9 : 0.4,
            IoBufferBytes = 100,
        };
        var report = log.Compact(options);
        Assert.Equal(state.CleanableBytes > 0 ? CompactionOutcome.Cleaned : CompactionOutcome.Nothing, report.Outcome);
        Assert.True(report.CleanedTo >= state.FirstDirtyOffset && report.CleanedTo <= state.FirstUncleanableOffset);
        Assert.True(report.Outcome == CompactionOutcome.Nothing || report.CleanedTo > state.FirstDirtyOffset);
        Assert.Equal(before, KeyedHistory.Committed(log));
        Assert.Equal(producers, log.DescribeProducers());
        Assert.Equal(offsets, (log.Offsets.LogStart, log.Offsets.LastStable, log.Offsets.LogEnd));
        var all = Batches.ReadAll(log, 300);
        Assert.Equal(above, all.Where(b => new RecordBatchInfo(b).BaseOffset >= state.FirstUncleanableOffset));
        CheckRecords(all, history, report);
    }

    private static void CheckRecords(List<byte[]> all, KeyedHistory history, CompactionReport report)
    {
        var next = 0L;
        var keys = new HashSet<string>();
        foreach (var bytes in all)
        {
            var batch = new RecordBatchInfo(bytes);
            Assert.True(batch.BaseOffset >= next, $"{batch.BaseOffset} behind {next}");
            next = batch.NextOffset;
            foreach (var (offset, key, value) in batch.IsControl ? [] : KeyedHistory.Records(bytes))
            {
                Assert.Equal(history.Written[offset], $"{key}={value}");
                Assert.True(
                    offset >= report.CleanedTo || report.Outcome != CompactionOutcome.Cleaned || keys.Add(key),
                    $"{key} twice below {report.CleanedTo}");
            }
        }
    }
}
