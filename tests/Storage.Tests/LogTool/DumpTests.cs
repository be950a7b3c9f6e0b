using Orleans.Kafka.LogTool;
using Orleans.Kafka.Storage.Tests.Golden;

namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>What <c>dump</c> shows beside batches and indexes.</summary>
public sealed class DumpTests
{
    [Fact]
    public void Dump_OfALogDirectory_ShowsCheckpointsPropertiesAndMarker()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, "/data/cleaner-offset-checkpoint", "0\n1\ntopic 0 7\n");
        ToolDisk.Write(disk, "/data/log-start-offset-checkpoint", "0\n2\ntopic 0 3\nother.topic 11 4\n");

        var lines = ToolDisk.Dump(disk, "/data").Select(l => l.ToJsonString()).ToList();

        Assert.Equal(
            [
                """{"file":".kafka_cleanshutdown","version":0,"brokerEpoch":-1}""",
                """{"file":"cleaner-offset-checkpoint","topic":"topic","partition":0,"offset":7}""",
                """{"file":"log-start-offset-checkpoint","topic":"topic","partition":0,"offset":3}""",
                """{"file":"log-start-offset-checkpoint","topic":"other.topic","partition":11,"offset":4}""",
            ],
            lines[..4]);
        Assert.StartsWith("""{"file":"meta.properties","clusterId":"cluster","nodeId":1,"directoryId":""", lines[4], StringComparison.Ordinal);
        Assert.Equal("""{"file":"recovery-point-offset-checkpoint","topic":"topic","partition":0,"offset":12}""", lines[5]);
        Assert.Equal(7, lines.Count);
    }

    [Fact]
    public void Dump_OfAPartition_ShowsEpochsAndTopicId()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, "/data/topic-0/leader-epoch-checkpoint", "0\n2\n0 0\n3 5\n");

        var lines = ToolDisk.Dump(disk, "/data/topic-0").Where(l => l["file"]!.GetValue<string>()[0] > '9')
            .Select(l => l.ToJsonString());

        Assert.Equal(
            [
                """{"file":"leader-epoch-checkpoint","epoch":0,"startOffset":0}""",
                """{"file":"leader-epoch-checkpoint","epoch":3,"startOffset":5}""",
                """{"file":"partition.metadata","topicId":"ASNFZ4mrze-AAAAAAAAAAQ"}""",
            ],
            lines);
    }

    [Theory]
    [InlineData("/data/recovery-point-offset-checkpoint", "0\n2\ntopic 0 1\n")]
    [InlineData("/data/recovery-point-offset-checkpoint", "0\n1\ntopic zero 1\n")]
    [InlineData("/data/meta.properties", "node.id=1\n")]
    [InlineData("/data/.kafka_cleanshutdown", "{")]
    [InlineData("/data/topic-0/leader-epoch-checkpoint", "0\n1\n0 x\n")]
    [InlineData("/data/topic-0/partition.metadata", "version: 0\n")]
    public void Dump_OfADamagedTextFile_SaysSo(string path, string text)
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, path, text);

        var line = Assert.Single(ToolDisk.Dump(disk, path));

        Assert.Equal("damaged", line["problem"]!.GetValue<string>());
    }

    [Fact]
    public void Dump_OfBytesThatWereCutOff_ShowsTheirBatches()
    {
        var disk = ToolDisk.WithOneLog();
        var log = disk.Files.ReadAll("/data/topic-0/00000000000000000000.log", int.MaxValue)!;
        ToolDisk.Write(disk, "/data/topic-0/00000000000000000012.damaged", log);

        var lines = ToolDisk.Dump(disk, "/data/topic-0/00000000000000000012.damaged");

        Assert.Equal(Enumerable.Range(0, 12), lines.Select(l => l["baseOffset"]!.GetValue<int>()));
    }

    [Fact]
    public void Dump_OfAFileOfNoLog_IsRefused()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, "/data/topic-0/notes.txt", "");

        Assert.Equal(
            DirectoryVerifier.Unreadable,
            new PartitionDump(disk.Environment, TextWriter.Null, withRecords: false).Run("/data/topic-0/notes.txt"));
    }

    [GoldenTheory]
    [InlineData("clean")]
    [InlineData("killed")]
    [InlineData("compacted")]
    public void Dump_OfKafkasCheckpoints_AgreesWithTheirText(string state)
    {
        var disk = GoldenLogs.Load(state);
        foreach (var name in (string[])["recovery-point", "log-start", "replication", "cleaner"])
        {
            var path = $"/data/{name}-offset-checkpoint";
            var text = System.Text.Encoding.ASCII.GetString(disk.Files.ReadAll(path, int.MaxValue) ?? []);
            var expected = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(2).ToList();

            Assert.Equal(expected, ToolDisk.Dump(disk, path).Select(l => $"{l["topic"]} {l["partition"]} {l["offset"]}"));
        }
    }
}
