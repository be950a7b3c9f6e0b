using System.Text.Json.Nodes;
using Orleans.Kafka.LogTool;
using Orleans.Kafka.Storage.Tests.Golden;

namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>What <c>kafka-log</c> says of directories that a real Kafka wrote.</summary>
public sealed class GoldenVerifyTests
{
    [GoldenTheory]
    [InlineData("clean")]
    [InlineData("compacted")]
    [InlineData("compacted-tombstones-gone")]
    [InlineData("killed")]
    [InlineData("killed-then-opened")]
    public void Verify_OfWhatKafkaWrote_FindsNothing(string state)
    {
        var (code, report) = Verify(GoldenLogs.Load(state), "/data");

        Assert.DoesNotContain("DAMAGE", report, StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Clean, code);
    }

    [GoldenTheory]
    [InlineData("dmg-bad-index", "00000000000000000000.index, byte 0, offset 696441652")]
    [InlineData("dmg-bad-index", "00000000000000000008.index, byte 0, offset 8")]
    [InlineData("dmg-bad-length", "00000000000000000016.log, byte 492, offset 22")]
    [InlineData("dmg-crc", "00000000000000000016.log, byte 164, offset 18")]
    [InlineData("dmg-crc-old", "00000000000000000000.log, byte 162, offset 2")]
    [InlineData("dmg-empty-active", "00000000000000000024.snapshot, offset 24")]
    [InlineData("dmg-garbage-tail", "00000000000000000016.log, byte 656, offset 24")]
    [InlineData("dmg-header-only", "00000000000000000016.log, byte 656, offset 24")]
    [InlineData("dmg-leftovers", "00000000000000000000.log.cleaned")]
    [InlineData("dmg-leftovers", "00000000000000000000.index.deleted")]
    [InlineData("dmg-no-epochs", "leader-epoch-checkpoint")]
    [InlineData("dmg-no-first", "leader-epoch-checkpoint, offset 0")]
    [InlineData("dmg-no-index", "00000000000000000008.timeindex, offset 8")]
    [InlineData("dmg-no-metadata", "partition.metadata")]
    [InlineData("dmg-no-snapshot", "00000000000000000008.snapshot, offset 8")]
    [InlineData("dmg-stray", "partition.metadata")]
    [InlineData("dmg-time-index", "00000000000000000000.timeindex, byte 12, offset 5")]
    [InlineData("dmg-truncated", "00000000000000000016.log, byte 492, offset 22")]
    [InlineData("dmg-txn", "00000000000000000005.txnindex, offset 8")]
    [InlineData("dmg-txn", "00000000000000000030.snapshot, offset 30")]
    [InlineData("dmg-zeros", "00000000000000000016.log, byte 656, offset 24")]
    public void Verify_OfADamage_SaysWhereItIs(string topic, string place)
    {
        var disk = GoldenLogs.Load("damaged/clean-shutdown/before");
        var (code, report) = Verify(disk, $"/data/{topic}-0");

        Assert.Contains($"DAMAGE /data/{topic}-0/{place}\n", report.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Damaged, code);
    }

    [GoldenFact]
    public void Verify_OfDamage_ChangesNothing()
    {
        var disk = GoldenLogs.Load("damaged/clean-shutdown/before");
        var before = Contents(disk, "/data");

        Verify(disk, "/data");

        Assert.Equal(before, Contents(disk, "/data"));
    }

    [Fact]
    public void Verify_OfNoDirectory_CannotRead()
    {
        var (code, _) = Verify(new TestDisk(), "/nowhere");

        Assert.Equal(DirectoryVerifier.Unreadable, code);
    }

    [GoldenTheory]
    [InlineData("clean", "txn-0")]
    [InlineData("clean", "codecs-0")]
    [InlineData("compacted", "compact-0")]
    [InlineData("killed", "idempotent-0")]
    public void Dump_OfAPartition_AgreesWithTheManifest(string state, string partition)
    {
        var expected = GoldenLogs.Manifest(state, partition)["segments"]!.AsArray()
            .SelectMany(s => s!["batches"]!.AsArray()).Select(b => b!).ToList();

        var lines = new StringWriter();
        new PartitionDump(GoldenLogs.Load(state).Environment, lines, withRecords: true).Run($"/data/{partition}");
        var shown = lines.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => JsonNode.Parse(l)!).Where(l => l["baseOffset"] is not null).ToList();

        Assert.NotEmpty(expected);
        Assert.Equal(expected.Count, shown.Count);
        foreach (var (want, got) in expected.Zip(shown))
        {
            string[] fields =
            [
                "position", "size", "baseOffset", "lastOffset", "partitionLeaderEpoch", "crc", "crcValid", "attributes",
                "maxTimestamp", "producerId", "producerEpoch", "baseSequence", "lastSequence", "transactional", "control", "count",
            ];
            Assert.All(fields, f => Assert.Equal(want[f]?.ToJsonString(), got[f]?.ToJsonString()));
            Assert.Equal(
                want["records"]!.AsArray().Select(r => r!["offset"]!.GetValue<long>()),
                got["records"]!.AsArray().Select(r => r!["offset"]!.GetValue<long>()));
        }
    }

    private static (int Code, string Report) Verify(TestDisk disk, string path)
    {
        var output = new StringWriter();
        var code = new DirectoryVerifier(disk.Environment, output).Run(path);
        return (code, output.ToString());
    }

    private static List<(string Path, string Content)> Contents(TestDisk disk, string directory) =>
        [.. disk.Files.List(directory).OrderBy(e => e.Name, StringComparer.Ordinal).SelectMany(e =>
        {
            var path = $"{directory}/{e.Name}";
            return e.IsDirectory
                ? Contents(disk, path)
                : [(path, Convert.ToHexString(disk.Files.ReadAll(path, int.MaxValue) ?? []))];
        })];
}
