using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Golden;

/// <summary>
/// The eighteen damages: what is lost is only what is damaged, and it is said aloud. Where Kafka loses more, hides more
/// or does not start at all, <c>docs/durability.md</c> says so.
/// </summary>
public sealed class GoldenDamageTests
{
    private static readonly LogConfig Config = LogConfig.Default with { ProducerIdExpirationMs = long.MaxValue };

    [GoldenTheory]
    [InlineData("dmg-bad-index", 0, 24, 24, StorageNoticeKind.Rebuilt)]
    [InlineData("dmg-bad-length", 0, 22, 22, StorageNoticeKind.DataCut)]
    [InlineData("dmg-crc-old", 0, 24, 24, null)]
    [InlineData("dmg-crc", 0, 24, 24, null)]
    [InlineData("dmg-empty-active", 0, 16, 16, StorageNoticeKind.DataCut)]
    [InlineData("dmg-garbage-tail", 0, 24, 24, StorageNoticeKind.DataCut)]
    [InlineData("dmg-header-only", 0, 24, 24, StorageNoticeKind.DataCut)]
    [InlineData("dmg-leftovers", 0, 24, 24, null)]
    [InlineData("dmg-no-epochs", 0, 24, 24, null)]
    [InlineData("dmg-no-first", 8, 24, 24, null)]
    [InlineData("dmg-no-index", 0, 24, 24, null)]
    [InlineData("dmg-no-metadata", 0, 0, 0, StorageNoticeKind.Stray)]
    [InlineData("dmg-no-snapshot", 0, 24, 24, null)]
    [InlineData("dmg-stray", 0, 0, 0, StorageNoticeKind.Stray)]
    [InlineData("dmg-time-index", 0, 24, 24, StorageNoticeKind.Rebuilt)]
    [InlineData("dmg-truncated", 0, 22, 22, StorageNoticeKind.DataCut)]
    [InlineData("dmg-txn", 0, 27, 30, null)]
    [InlineData("dmg-zeros", 0, 24, 24, StorageNoticeKind.DataCut)]
    public void Open_AfterACleanShutdown_LosesOnlyTheDamage(
        string topic, long start, long stable, long end, StorageNoticeKind? notice) =>
        Check("clean-shutdown", withRecoveryPoints: true, topic, (start, stable, end), notice);

    [GoldenTheory]
    [InlineData("dmg-bad-index", 0, 30, 30, StorageNoticeKind.Rebuilt)]
    [InlineData("dmg-bad-length", 0, 28, 28, StorageNoticeKind.DataCut)]
    [InlineData("dmg-crc-old", 0, 30, 30, null)]
    [InlineData("dmg-crc", 0, 26, 26, StorageNoticeKind.DataCut)]
    [InlineData("dmg-empty-active", 0, 24, 24, StorageNoticeKind.DataCut)]
    [InlineData("dmg-garbage-tail", 0, 30, 30, StorageNoticeKind.DataCut)]
    [InlineData("dmg-header-only", 0, 30, 30, StorageNoticeKind.DataCut)]
    [InlineData("dmg-leftovers", 0, 30, 30, null)]
    [InlineData("dmg-no-epochs", 0, 30, 30, null)]
    [InlineData("dmg-no-first", 8, 30, 30, null)]
    [InlineData("dmg-no-index", 0, 30, 30, null)]
    [InlineData("dmg-no-metadata", 0, 0, 0, StorageNoticeKind.Stray)]
    [InlineData("dmg-no-snapshot", 0, 30, 30, null)]
    [InlineData("dmg-stray", 0, 0, 0, StorageNoticeKind.Stray)]
    [InlineData("dmg-time-index", 0, 30, 30, StorageNoticeKind.Rebuilt)]
    [InlineData("dmg-truncated", 0, 28, 28, StorageNoticeKind.DataCut)]
    [InlineData("dmg-txn", 0, 27, 36, null)]
    [InlineData("dmg-zeros", 0, 30, 30, StorageNoticeKind.DataCut)]
    public void Open_AfterAKill_EndsWhereKafkaDoes(
        string topic, long start, long stable, long end, StorageNoticeKind? notice) =>
        Check("killed", withRecoveryPoints: true, topic, (start, stable, end), notice);

    [GoldenFact]
    public void Open_WithOldDamageAndNoRecoveryPoint_KeepsWhatItCutsOff()
    {
        var disk = Check(
            "killed", withRecoveryPoints: false, "dmg-crc-old", (0, 2, 2), StorageNoticeKind.DataCut);
        var kept = disk.Files.List("/data/dmg-crc-old-0")
            .Where(f => f.Name.EndsWith(".damaged", StringComparison.Ordinal)).Sum(f => f.Length);
        Assert.Equal(486 + 654 + 656 + 446, kept);
    }

    private static TestDisk Check(
        string state, bool withRecoveryPoints, string topic, (long, long, long) expected, StorageNoticeKind? notice)
    {
        var disk = GoldenLogs.Load($"damaged/{state}/before");
        if (!withRecoveryPoints)
        {
            disk.Files.DeleteFile("/data/recovery-point-offset-checkpoint");
        }

        using var directory = LogDirectory.Open(disk.Environment, "/data", GoldenLogs.ClusterId, 1);
        var stored = directory.ListPartitions().Single(p => p.Topic == topic);
        var id = topic == "dmg-stray" || stored.TopicId is null ? new KafkaUuid(1, 1) : stored.TopicId.Value;
        var log = directory.OpenPartition(topic, 0, id, Config);
        GoldenLogTests.BecomeLeader(log);
        Assert.Equal(expected, (log.Offsets.LogStart, log.Offsets.LastStable, log.Offsets.LogEnd));
        CheckEveryLookUp(log, checkCrc: notice is not null || !topic.StartsWith("dmg-crc", StringComparison.Ordinal));
        if (notice is null)
        {
            Assert.Empty(disk.Notices);
        }
        else
        {
            Assert.Contains(disk.Notices, n => n.Kind == notice);
        }

        var end = log.Offsets.LogEnd;
        Assert.Equal(end, Batches.MustAppend(log, Batches.Plain()));
        return disk;
    }

    private static void CheckEveryLookUp(PartitionLog log, bool checkCrc)
    {
        var known = new List<(long Offset, long Timestamp)>();
        for (var offset = log.Offsets.LogStart; offset < log.Offsets.LogEnd; offset++)
        {
            var bytes = Batches.ReadBytes(log, offset, 1);
            var batch = new RecordBatchInfo(bytes);
            Assert.InRange(offset, batch.BaseOffset, batch.LastOffset);
            Assert.True(!checkCrc || RecordBatchHeader.HasValidCrc(bytes));
            var reader = new RecordReader(batch, bytes.AsSpan(RecordBatchHeader.Size));
            while (reader.Next())
            {
                if (reader.Offset == offset)
                {
                    known.Add((offset, reader.Timestamp));
                }
            }
        }

        foreach (var (_, timestamp) in checkCrc ? known : [])
        {
            var expected = known.First(k => k.Timestamp >= timestamp);
            var found = log.ByTimestamp(timestamp, log.Offsets.LogEnd);
            Assert.Equal((expected.Offset, expected.Timestamp), (found.Offset, found.TimestampMs));
        }
    }
}
