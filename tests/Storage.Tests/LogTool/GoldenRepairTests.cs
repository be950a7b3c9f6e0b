using Orleans.Kafka.LogTool;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage.Tests.Golden;

namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>
/// The eighteen damages, repaired: clean, with all records before the damage, and nothing left for the broker to cut.
/// </summary>
public sealed class GoldenRepairTests
{
    private static readonly Dictionary<string, string> LostIds = new()
    {
        ["dmg-no-metadata"] = "9bqNJSOzQ-uYFqUkOTfI8A",
        ["dmg-stray"] = "9bqNJSOzQ-uYFqUkOTfI8Q",
    };

    /// <summary>State, topic, where the log begins and ends after the repair.</summary>
    public static TheoryData<string, string, long, long> Damages()
    {
        var data = new TheoryData<string, string, long, long>();
        foreach (var (topic, start, clean, killed) in ((string, long, long, long)[])
            [
                ("dmg-bad-index", 0, 24, 30), ("dmg-bad-length", 0, 22, 28), ("dmg-crc", 0, 18, 26), ("dmg-crc-old", 0, 2, 2),
                ("dmg-empty-active", 0, 16, 24), ("dmg-garbage-tail", 0, 24, 30), ("dmg-header-only", 0, 24, 30),
                ("dmg-leftovers", 0, 24, 30), ("dmg-no-epochs", 0, 24, 30), ("dmg-no-first", 8, 24, 30),
                ("dmg-no-index", 0, 24, 30), ("dmg-no-metadata", 0, 24, 30), ("dmg-no-snapshot", 0, 24, 30),
                ("dmg-stray", 0, 24, 30), ("dmg-time-index", 0, 24, 30), ("dmg-truncated", 0, 22, 28), ("dmg-txn", 0, 30, 36),
                ("dmg-zeros", 0, 24, 30),
            ])
        {
            data.Add("clean-shutdown", topic, start, clean);
            data.Add("killed", topic, start, killed);
        }

        return data;
    }

    [GoldenTheory]
    [MemberData(nameof(Damages))]
    public void Repair_OfADamage_KeepsEveryRecordBeforeIt(string state, string topic, long start, long end)
    {
        var disk = GoldenLogs.Load($"damaged/{state}/before");
        var path = $"/data/{topic}-0";
        var before = Records(disk, path);

        var (code, report) = ToolDisk.Run(disk, ["repair", "--yes", .. IdFor(topic), path]);

        Assert.True(code == DirectoryVerifier.Clean, report);
        Assert.Contains("done; verify says", report, StringComparison.Ordinal);
        Assert.Equal(DirectoryVerifier.Clean, ToolDisk.Verify(disk, path).Code);
        var after = Records(disk, path);
        Assert.Equal(before.Where(r => r.Key < end), after);
        CheckAgainstManifest(state, topic, after, start, end);
        CheckTheBrokerCutsNothing(disk, topic, start, end);
        Assert.Equal(after, Records(disk, path).Where(r => r.Key < end));
    }

    [GoldenTheory]
    [MemberData(nameof(Damages))]
    public void Repair_WithoutConsent_ChangesNoByteAndSaysWhatItWillBe(string state, string topic, long start, long end)
    {
        var disk = GoldenLogs.Load($"damaged/{state}/before");
        var before = ToolDisk.Contents(disk, "/data");

        var (code, report) = ToolDisk.Run(disk, ["repair", .. IdFor(topic), $"/data/{topic}-0"]);

        Assert.Equal(DirectoryVerifier.Damaged, code);
        Assert.Contains($", then {start}..{end}\n", report, StringComparison.Ordinal);
        Assert.Contains("nothing was changed", report, StringComparison.Ordinal);
        Assert.Equal(before, ToolDisk.Contents(disk, "/data"));
    }

    [GoldenTheory]
    [InlineData("clean-shutdown", "dmg-crc", "18-19 (2)", 24, 22)]
    [InlineData("clean-shutdown", "dmg-crc-old", "2-3 (2)", 24, 22)]
    [InlineData("clean-shutdown", "dmg-bad-length", "22-23 (2)", 22, 22)]
    [InlineData("killed", "dmg-crc", "26-27 (2)", 30, 28)]
    [InlineData("killed", "dmg-crc-old", "2-3 (2)", 30, 28)]
    public void Repair_ThatKeepsTheRest_LosesOnlyTheDamagedBatch(
        string state, string topic, string lost, long end, int records)
    {
        var disk = GoldenLogs.Load($"damaged/{state}/before");
        var path = $"/data/{topic}-0";
        var before = Records(disk, path);

        var (code, report) = ToolDisk.Run(disk, "repair", "--yes", "--keep-rest", path);

        Assert.True(code == DirectoryVerifier.Clean, report);
        Assert.Contains($"lost: offsets {lost}", report, StringComparison.Ordinal);
        Assert.Contains("no whole batch is among them", report, StringComparison.Ordinal);
        var after = Records(disk, path);
        Assert.Equal(records, after.Count);
        Assert.All(after, r => Assert.Equal(before[r.Key], r.Value));
        CheckTheBrokerCutsNothing(disk, topic, 0, end);
    }

    [GoldenTheory]
    [InlineData("clean-shutdown")]
    [InlineData("killed")]
    public void Repair_OfTheWholeDirectory_LeavesOnlyWhatNeedsAnId(string state)
    {
        var disk = GoldenLogs.Load($"damaged/{state}/before");

        var (code, report) = ToolDisk.Run(disk, ["repair", "--yes", "/data"]);

        Assert.Equal(DirectoryVerifier.Damaged, code);
        Assert.EndsWith("\n2 findings\n", report, StringComparison.Ordinal);
        Assert.Contains("DAMAGE /data/dmg-no-metadata-0/partition.metadata", report, StringComparison.Ordinal);
        Assert.Contains("DAMAGE /data/dmg-stray-0/partition.metadata", report, StringComparison.Ordinal);
        Assert.True(disk.Files.FileExists("/data/.kafka_cleanshutdown"));
        foreach (var topic in LostIds.Keys)
        {
            code = ToolDisk.Run(disk, ["repair", "--yes", .. IdFor(topic), $"/data/{topic}-0"]).Code;
            Assert.Equal(DirectoryVerifier.Clean, code);
        }

        var contents = ToolDisk.Contents(disk, "/data");
        var again = ToolDisk.Run(disk, ["repair", "--yes", "/data"]);
        Assert.Equal((DirectoryVerifier.Clean, "/data: stopped cleanly\nnothing to do\n"), again);
        Assert.Equal(contents, ToolDisk.Contents(disk, "/data"));
    }

    [GoldenTheory]
    [InlineData("clean")]
    [InlineData("killed-then-opened")]
    [InlineData("compacted")]
    [InlineData("compacted-tombstones-gone")]
    public void Repair_OfWhatKafkaLeftInOrder_ChangesNothing(string state)
    {
        var disk = GoldenLogs.Load(state);
        if (state == "clean")
        {
            ToolDisk.Write(disk, "/data/.kafka_cleanshutdown", "");
        }

        ToolDisk.Run(disk, ["repair", "--yes", "/data"]);
        var before = ToolDisk.Contents(disk, "/data");

        var again = ToolDisk.Run(disk, ["repair", "--yes", "/data"]);
        Assert.Equal((DirectoryVerifier.Clean, "/data: stopped cleanly\nnothing to do\n"), again);
        Assert.Equal(before, ToolDisk.Contents(disk, "/data"));
    }

    [GoldenTheory]
    [InlineData("killed", "replication-offset-checkpoint")]
    [InlineData("compacted", "replication-offset-checkpoint")]
    [InlineData("compacted", "recovery-point-offset-checkpoint")]
    [InlineData("compacted-tombstones-gone", "recovery-point-offset-checkpoint")]
    public void Repair_OfADirectoryThatWasKilled_KeepsEveryRecord(string state, string checkpoint)
    {
        var disk = GoldenLogs.Load(state);
        disk.Files.DeleteFile("/data/.kafka_cleanshutdown");
        ToolDisk.Write(disk, $"/data/{checkpoint}", "rubbish");
        var before = GoldenLogs.Partitions(state).ToDictionary(p => p, p => Records(disk, $"/data/{p}"));

        var (code, report) = ToolDisk.Run(disk, ["repair", "--yes", "/data"]);

        Assert.True(code == DirectoryVerifier.Clean, report);
        Assert.Contains("no record is lost", report, StringComparison.Ordinal);
        Assert.All(before, p => Assert.Equal(p.Value, Records(disk, $"/data/{p.Key}")));
        Assert.True(disk.Files.FileExists($"/data/{checkpoint}.damaged"));
    }

    private static string[] IdFor(string topic) =>
        LostIds.TryGetValue(topic, out var id) ? ["--topic-id", id] : [];

    private static SortedDictionary<long, string> Records(TestDisk disk, string path)
    {
        var output = new StringWriter();
        new PartitionDump(disk.Environment, output, withRecords: true).Run(path);
        var result = new SortedDictionary<long, string>();
        foreach (var line in output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var json = System.Text.Json.Nodes.JsonNode.Parse(line)!;
            if (!json["file"]!.GetValue<string>().EndsWith(LogFileName.Log, StringComparison.Ordinal))
            {
                continue;
            }

            foreach (var record in json["records"]?.AsArray() ?? [])
            {
                result[record!["offset"]!.GetValue<long>()] = record.ToJsonString();
            }
        }

        return result;
    }

    private static void CheckAgainstManifest(
        string state, string topic, SortedDictionary<long, string> records, long start, long end)
    {
        var expected = GoldenLogs.Manifest($"damaged/{state}/before", $"{topic}-0")["segments"]!.AsArray()
            .SelectMany(s => s!["batches"]!.AsArray())
            .SelectMany(b => b!["records"]?.AsArray() ?? [])
            .Select(r => r!["offset"]!.GetValue<long>())
            .Where(o => o < end).ToHashSet();
        Assert.All(expected, o => Assert.True(records.ContainsKey(o), $"{o}"));
        Assert.Equal(Enumerable.Range((int)start, (int)(end - start)).Select(o => (long)o), records.Keys);
    }

    private static void CheckTheBrokerCutsNothing(TestDisk disk, string topic, long start, long end)
    {
        disk.Notices.Clear();
        using var directory = LogDirectory.Open(disk.Environment, "/data", GoldenLogs.ClusterId, 1);
        var stored = directory.ListPartitions().Single(p => p.Topic == topic);
        var log = directory.OpenPartition(
            topic, 0, stored.TopicId!.Value, LogConfig.Default with { ProducerIdExpirationMs = long.MaxValue });

        Assert.Equal((start, end), (log.Offsets.LogStart, log.Offsets.LogEnd));
        Assert.False(log.Recovery.FoundDamage);
        Assert.DoesNotContain(disk.Notices, n => n.Path.Contains(topic, StringComparison.Ordinal));
        GoldenLogTests.BecomeLeader(log);
        for (var offset = start; offset < end; offset++)
        {
            var bytes = Batches.ReadBytes(log, offset, 1);
            Assert.True(RecordBatchHeader.HasValidCrc(bytes));
        }

        Assert.Equal(end, Batches.MustAppend(log, Batches.Plain()));
    }
}
