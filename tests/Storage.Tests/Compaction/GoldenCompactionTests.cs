using System.Buffers;
using System.Text;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage.Tests.Golden;

namespace Orleans.Kafka.Storage.Tests.Compaction;

/// <summary>What a real Kafka's cleaner kept of its own logs is what stays here, batch by batch and byte by byte.</summary>
public sealed class GoldenCompactionTests
{
    private const long KeptForEver = 86_400_000_000;

    private static readonly LogConfig Config = LogConfig.Default with
    {
        Compact = true,
        Delete = false,
        ProducerIdExpirationMs = long.MaxValue,
        SegmentIndexBytes = 4096,
        IndexIntervalBytes = 100,
        FileDeleteDelayMs = 0,
        DeleteRetentionMs = KeptForEver,
    };

    [GoldenTheory]
    [InlineData("compact")]
    [InlineData("compact-idempotent")]
    [InlineData("compact-txn")]
    public void Compact_OfTheCleanLog_KeepsWhatKafkaKept(string topic)
    {
        var disk = GoldenLogs.Load("clean");
        var expected = Of("compacted", topic);
        disk.Clock.NowMs = Horizon(expected) is var horizon and >= 0 ? horizon - KeptForEver : disk.Clock.NowMs;
        using var directory = LogDirectory.Open(disk.Environment, "/data", GoldenLogs.ClusterId, 1);
        var log = Open(directory, topic, Config);
        var report = log.Compact(CompactionOptions.Default);
        Assert.Equal(CompactionOutcome.Cleaned, report.Outcome);
        AssertSame(expected, Batches.ReadAll(log));
        Assert.Equal(KafkasCheckpoint("compacted", topic), log.CleanerCheckpoint);
        AssertSameFiles(disk, "compacted", topic);
    }

    [GoldenTheory]
    [InlineData("compact")]
    [InlineData("compact-idempotent")]
    [InlineData("compact-txn")]
    public void Compact_AfterTheDeleteHorizon_KeepsWhatKafkaKept(string topic)
    {
        var disk = GoldenLogs.Load("clean");
        var expected = Of("compacted-tombstones-gone", topic);
        using var directory = LogDirectory.Open(disk.Environment, "/data", GoldenLogs.ClusterId, 1);
        var log = Open(directory, topic, Config with { DeleteRetentionMs = 1000 });
        var horizon = Horizon(expected);
        disk.Clock.NowMs = horizon >= 0 ? horizon - 1000 : disk.Clock.NowMs;
        Assert.Equal(CompactionOutcome.Cleaned, log.Compact(CompactionOptions.Default).Outcome);
        disk.Clock.NowMs += 10_000;
        foreach (var batch in expected.Where(b => new RecordBatchInfo(b).BaseOffset >= log.Offsets.LogEnd).ToList())
        {
            log.Roll();
            Batches.MustAppend(log, batch, AppendOrigin.Replication);
            log.AdvanceHighWatermark(log.Offsets.LogEnd);
        }

        log.Compact(CompactionOptions.Default);
        AssertSame(expected, Batches.ReadAll(log));
        Assert.DoesNotContain(
            expected, b => new RecordBatchInfo(b) is { HasDeleteHorizon: true } info && info.BaseTimestamp != horizon);
    }

    [GoldenTheory]
    [InlineData("compact")]
    [InlineData("compact-idempotent")]
    [InlineData("compact-txn")]
    public void Open_OfACleanedLog_HasTheSameAgain(string topic)
    {
        var disk = GoldenLogs.Load("clean");
        var directory = LogDirectory.Open(disk.Environment, "/data", GoldenLogs.ClusterId, 1);
        var log = Open(directory, topic, Config);
        log.Compact(CompactionOptions.Default);
        var (kept, offsets, checkpoint) = (Batches.ReadAll(log), log.Offsets.LogEnd, log.CleanerCheckpoint);
        var producers = log.DescribeProducers();
        directory.Dispose();
        disk.Files.Kill();
        disk.Notices.Clear();
        directory = LogDirectory.Open(disk.NewEnvironment(), "/data", GoldenLogs.ClusterId, 1);
        log = Open(directory, topic, Config with { Compact = false });
        Assert.Empty(disk.Notices);
        Assert.Equal((offsets, checkpoint), (log.Offsets.LogEnd, log.CleanerCheckpoint));
        AssertSame(kept, Batches.ReadAll(log));
        Assert.Equal(producers.OrderBy(p => p.ProducerId), log.DescribeProducers().OrderBy(p => p.ProducerId));
        directory.Dispose();
    }

    private static PartitionLog Open(LogDirectory directory, string topic, LogConfig config)
    {
        if (topic == "compact-txn")
        {
            // Its segments were rolled because an index was full.
            config = config with { SegmentIndexBytes = 100, IndexIntervalBytes = 0 };
        }

        var stored = directory.ListPartitions().Single(p => p.Topic == topic);
        var log = directory.OpenPartition(topic, 0, stored.TopicId!.Value, config);
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        return log;
    }

    private static List<byte[]> Of(string state, string topic)
    {
        var result = new List<byte[]>();
        var files = Directory.GetFiles(Path.Join(GoldenLogs.Root, state, $"{topic}-0"), "*.log");
        foreach (var bytes in files.Order().Select(File.ReadAllBytes))
        {
            var reader = new RecordBatchReader(bytes);
            while (reader.Next() == RecordBatchStep.Batch)
            {
                result.Add(bytes[(int)reader.Position..(int)reader.NextPosition]);
            }
        }

        return result;
    }

    private static long Horizon(IEnumerable<byte[]> batches) => batches.Select(b => new RecordBatchInfo(b))
        .Where(b => b.HasDeleteHorizon).Select(b => b.BaseTimestamp).FirstOrDefault(-1);

    private static long KafkasCheckpoint(string state, string topic) => long.Parse(
        File.ReadAllLines(Path.Join(GoldenLogs.Root, state, "cleaner-offset-checkpoint"))
            .Single(l => l.StartsWith(topic + " ", StringComparison.Ordinal)).Split(' ')[2],
        System.Globalization.CultureInfo.InvariantCulture);

    private static void AssertSame(List<byte[]> expected, List<byte[]> actual)
    {
        Assert.Equal(expected.Select(Describe), actual.Select(Describe));
        foreach (var (theirs, ours) in expected.Zip(actual))
        {
            // Another implementation of a codec packs the same records into other bytes.
            var info = new RecordBatchInfo(theirs);
            Assert.True(info.Codec != 0 || theirs.AsSpan().SequenceEqual(ours), $"bytes of batch {info.BaseOffset}");
        }
    }

    /// <summary>Names, and contents but for what compresses differently and what was written after the cleaning.</summary>
    private static void AssertSameFiles(TestDisk disk, string state, string topic)
    {
        var theirs = Directory.GetFiles(Path.Join(GoldenLogs.Root, state, $"{topic}-0")).Select(Path.GetFileName).Order();
        disk.Environment.Deletions.Run(disk.Environment);
        Assert.Equal(theirs, disk.Files.List($"/data/{topic}-0").Select(f => f.Name).Order());
        var active = theirs.Last(n => n!.EndsWith(".log", StringComparison.Ordinal))![..20];
        foreach (var name in theirs.Where(n => n!.EndsWith("index", StringComparison.Ordinal) && !n.StartsWith(active, StringComparison.Ordinal)))
        {
            var expected = File.ReadAllBytes(Path.Join(GoldenLogs.Root, state, $"{topic}-0", name));
            var ours = disk.Files.ReadAll($"/data/{topic}-0/{name}", int.MaxValue)!;
            Assert.True(
                topic == "compact" || expected.AsSpan().SequenceEqual(ours),
                $"{name}: {Convert.ToHexString(expected)} {Convert.ToHexString(ours)}");
        }
    }

    private static string Describe(byte[] bytes)
    {
        var batch = new RecordBatchInfo(bytes);
        var text = new StringBuilder().Append(
            $"{batch.BaseOffset}-{batch.LastOffset} epoch {batch.LeaderEpoch} attributes {batch.Attributes:x} " +
            $"{batch.BaseTimestamp}-{batch.MaxTimestamp} {batch.ProducerId}/{batch.ProducerEpoch}/{batch.BaseSequence}");
        var records = bytes.AsSpan(RecordBatchHeader.Size);
        if (batch.Codec != 0)
        {
            var unpacked = new ArrayBufferWriter<byte>();
            Assert.True(Compressions.TryDecompress(
                (CompressionCodec)batch.Codec, new ReadOnlySequence<byte>(bytes, 61, bytes.Length - 61), 1 << 20, unpacked));
            records = unpacked.WrittenSpan.ToArray();
        }

        var reader = new RecordReader(batch, records);
        while (reader.Next())
        {
            text.Append($"; {reader.Offset} {reader.Timestamp} {Show(reader.KeyIsNull, reader.Key)}=");
            text.Append(Show(reader.ValueIsNull, reader.Value));
            while (reader.NextHeader(out var key, out var value, out var isNull))
            {
                text.Append($" {Show(false, key)}:{Show(isNull, value)}");
            }
        }

        Assert.False(reader.Failed);
        return text.ToString();
    }

    private static string Show(bool isNull, ReadOnlySpan<byte> bytes) => isNull ? "null" : Convert.ToHexString(bytes);
}
