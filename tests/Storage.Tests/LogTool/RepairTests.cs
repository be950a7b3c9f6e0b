namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>What <c>repair</c> says, does, refuses, and answers.</summary>
public sealed class RepairTests
{
    private const string Log = "/data/topic-0/00000000000000000000.log";
    private const string Marker = "/data/.kafka_cleanshutdown";
    private const string RecoveryPoints = "/data/recovery-point-offset-checkpoint";

    [Fact]
    public void Repair_OfACleanDirectory_HasNothingToDo()
    {
        var disk = ToolDisk.WithOneLog();
        var before = ToolDisk.Contents(disk, "/data");

        Assert.Equal((0, "/data: stopped cleanly\nnothing to do\n"), ToolDisk.Run(disk, "repair", "--yes", "/data"));
        Assert.Equal((0, "/data: stopped cleanly\nnothing to do\n"), ToolDisk.Run(disk, "repair", "/data/topic-0/"));
        Assert.Equal(before, ToolDisk.Contents(disk, "/data"));
    }

    [Fact]
    public void Repair_OfAFlippedBit_TellsWhatItCutsAndKeepsIt()
    {
        var disk = ToolDisk.WithOneLog();
        var log = Read(disk, Log);
        var size = log.Length / 12;
        log[(7 * size) + 70] ^= 1;
        ToolDisk.Write(disk, Log, log);

        var (code, report) = ToolDisk.Run(disk, "repair", "/data");

        Assert.Equal(1, code);
        Assert.Equal(
            $"""
            /data: stopped cleanly
            REPAIR /data/topic-0: 0..12, then 0..7
            DAMAGE {Log}, byte {7 * size}, offset 7
                   {Line(report, "the CRC of batch 7-7 is wrong")}
                   -> cut 00000000000000000000.log to {7 * size} bytes: {5 * size} bytes go
                   -> write 00000000000000000007.damaged ({5 * size} bytes)
                   -> write 00000000000000000007.snapshot (10 bytes)
                   -> remove 00000000000000000012.snapshot (10 bytes)
                   -> recovery-point-offset-checkpoint: 12 becomes 7
                   lost: offsets 7-11 (5), {5 * size} bytes; 4 whole batches with 4 records are among them (--keep-rest keeps those)
            1 partitions to repair; 1 of them lose 5 offsets
            nothing was changed: repair --yes does it

            """.ReplaceLineEndings("\n"),
            report);
        Assert.Equal(0, ToolDisk.Run(disk, "repair", "--yes", "/data").Code);
        Assert.Equal(log[..(7 * size)], Read(disk, Log));
        Assert.Equal(log[(7 * size)..], Read(disk, "/data/topic-0/00000000000000000007.damaged"));
        Assert.True(disk.Files.FileExists(Marker));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(5, 2)]
    [InlineData(10, 1)]
    public void Repair_ThatKeepsTheRest_PutsABatchWithoutRecordsInTheGap(int first, int count)
    {
        var disk = ToolDisk.WithOneLog();
        var log = Read(disk, Log);
        var size = log.Length / 12;
        var rubbish = new byte[count * size];
        new Random(3).NextBytes(rubbish);
        byte[] damaged = [.. log[..(first * size)], .. rubbish, .. log[((first + count) * size)..]];
        ToolDisk.Write(disk, Log, damaged);

        var plan = ToolDisk.Run(disk, "repair", "--keep-rest", "/data");
        Assert.Equal(damaged, Read(disk, Log));
        var done = ToolDisk.Run(disk, "repair", "--keep-rest", "--yes", "/data");

        Assert.Equal((1, 0), (plan.Code, done.Code));
        Assert.Contains(
            $"lost: offsets {first}-{first + count - 1} ({count}), {rubbish.Length} bytes; no whole batch is among them\n",
            plan.Output, StringComparison.Ordinal);
        Assert.Equal(rubbish, Read(disk, $"/data/topic-0/{first:D20}.damaged"));
        var repaired = Read(disk, Log);
        Assert.Equal(log[..(first * size)], repaired[..(first * size)]);
        Assert.Equal(log[((first + count) * size)..], repaired[((first * size) + 61)..]);
        using var directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
        var opened = directory.OpenPartition("topic", 0, ToolDisk.TopicId, LogConfig.Default);
        Assert.Equal((0, 12), (opened.Offsets.LogStart, opened.Offsets.LogEnd));
        Assert.Equal(12, Batches.MustAppend(opened, Batches.Plain()));
    }

    [Fact]
    public void Repair_ThatKeepsTheRest_KeepsTheSegmentsBehindATornOne()
    {
        var disk = ToolDisk.WithOneLog(LogConfig.Default with { SegmentBytes = 200 });
        var logs = disk.Files.List("/data/topic-0").Where(f => f.Name.EndsWith(".log", StringComparison.Ordinal))
            .Select(f => $"/data/topic-0/{f.Name}").Order(StringComparer.Ordinal).ToList();
        Assert.Equal(6, logs.Count);
        ToolDisk.Write(disk, logs[1], Read(disk, logs[1])[..100]);
        ToolDisk.Write(disk, logs[3], "");

        var (code, report) = ToolDisk.Run(disk, "repair", "--keep-rest", "--yes", "/data");

        Assert.True(code == 0, report);
        Assert.Contains("lost: offsets 3-3 (1), ", report, StringComparison.Ordinal);
        Assert.Contains("no whole batch is among them", report, StringComparison.Ordinal);
        Assert.Contains("ok     /data/topic-0: 0..12, 6 segments", report, StringComparison.Ordinal);
        Assert.Contains($"note   {logs[4]}: offsets 6-7 are in no batch: ", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Repair_TwiceAtTheSameOffset_WritesOverNothing()
    {
        var disk = ToolDisk.WithOneLog();
        var log = Read(disk, Log);
        for (var i = 1; i <= 3; i++)
        {
            ToolDisk.Write(disk, Log, [.. log, .. Enumerable.Repeat((byte)i, 10 * i)]);
            Assert.Equal(0, ToolDisk.Run(disk, "repair", "--yes", "/data").Code);
        }

        Assert.Equal(Enumerable.Repeat((byte)1, 10), Read(disk, "/data/topic-0/00000000000000000012.damaged"));
        Assert.Equal(Enumerable.Repeat((byte)2, 20), Read(disk, "/data/topic-0/00000000000000000012.2.damaged"));
        Assert.Equal(Enumerable.Repeat((byte)3, 30), Read(disk, "/data/topic-0/00000000000000000012.3.damaged"));
    }

    [Theory]
    [InlineData("/data")]
    [InlineData("/data/topic-0")]
    public void Repair_WhileABrokerRuns_IsRefused(string path)
    {
        var disk = ToolDisk.WithOneLog(isClean: false);
        ToolDisk.Write(disk, "/data/.lock", "");
        using var broker = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
        var before = ToolDisk.Contents(disk, "/data");

        Assert.Equal((2, "/data: a broker is running on it; stop it first\n"), ToolDisk.Run(disk, "repair", path));
        Assert.Equal((2, "/data: a broker is running on it; stop it first\n"), ToolDisk.Run(disk, "repair", "--yes", path));
        Assert.Equal(before, ToolDisk.Contents(disk, "/data"));
    }

    [Theory]
    [InlineData]
    [InlineData("repair")]
    [InlineData("repair", "--yes")]
    [InlineData("repair", "--sure", "/data")]
    [InlineData("repair", "/data", "/data")]
    [InlineData("repair", "--topic-id", "x", "/data/topic-0")]
    [InlineData("repair", "/data/topic-0", "--topic-id")]
    public void Run_WithoutSense_ShowsTheUsage(params string[] args)
    {
        var (code, output) = ToolDisk.Run(ToolDisk.WithOneLog(), args);

        Assert.Equal(2, code);
        Assert.StartsWith("kafka-log verify DIR", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nowhere", "/nowhere: no such directory\n")]
    [InlineData("/", "/: neither a log directory nor the directory of a partition\n")]
    public void Repair_OfSomethingElse_IsRefused(string path, string expected) =>
        Assert.Equal((2, expected), ToolDisk.Run(ToolDisk.WithOneLog(), "repair", path));

    [Fact]
    public void Repair_AfterAKill_RecoversAndMarksTheDirectoryAsClean()
    {
        var disk = ToolDisk.WithOneLog(isClean: false);

        var plan = ToolDisk.Run(disk, "repair", "/data");
        var done = ToolDisk.Run(disk, "repair", "--yes", "/data");

        Assert.Equal(1, plan.Code);
        Assert.Contains("no record is lost", plan.Output, StringComparison.Ordinal);
        Assert.Equal(0, done.Code);
        Assert.True(disk.Files.FileExists(Marker));
        using var directory = LogDirectory.Open(disk.Environment, "/data", "cluster", 1);
        Assert.True(directory.WasClean);
        Assert.False(directory.OpenPartition("topic", 0, ToolDisk.TopicId, LogConfig.Default).Recovery.Scanned);
    }

    [Fact]
    public void Repair_OfOnePartitionAfterAKill_DoesNotVouchForTheOthers()
    {
        var disk = ToolDisk.WithOneLog(isClean: false);

        Assert.Equal(0, ToolDisk.Run(disk, "repair", "--yes", "/data/topic-0").Code);

        Assert.False(disk.Files.FileExists(Marker));
    }

    [Fact]
    public void Repair_ThatDiesOnTheWay_LeavesNoMarker()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, Log, [.. Read(disk, Log), 1]);
        disk.Files.BeforeFlush = _ => throw new IOException("the disk is gone");

        var (code, output) = ToolDisk.Run(disk, "repair", "--yes", "/data");

        Assert.Equal(2, code);
        Assert.EndsWith("failed: the disk is gone\n", output, StringComparison.Ordinal);
        Assert.False(disk.Files.FileExists(Marker));
    }

    [Fact]
    public void Repair_OfADamagedCheckpoint_SetsItAsideAndWritesItAnew()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, RecoveryPoints, "rubbish");

        Assert.Equal(0, ToolDisk.Run(disk, "repair", "--yes", "/data").Code);

        Assert.Equal("0\n1\ntopic 0 12\n"u8.ToArray(), Read(disk, RecoveryPoints));
        Assert.Equal("rubbish"u8.ToArray(), Read(disk, RecoveryPoints + ".damaged"));
    }

    [Fact]
    public void Repair_OfALogDirectory_RemovesDeletedLogsAndLeavesStrayOnes()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, "/data/old-0.00ff-delete/00000000000000000000.log", "1234");
        ToolDisk.Write(disk, "/data/old-1.00ff-stray/00000000000000000000.log", "1234");

        var plan = ToolDisk.Run(disk, "repair", "/data");
        Assert.Equal(1, plan.Code);
        Assert.Contains("remove /data/old-0.00ff-delete (4 bytes), a log that was deleted\n", plan.Output, StringComparison.Ordinal);
        Assert.True(disk.Files.DirectoryExists("/data/old-0.00ff-delete"));

        Assert.Equal(0, ToolDisk.Run(disk, "repair", "--yes", "/data").Code);
        Assert.False(disk.Files.DirectoryExists("/data/old-0.00ff-delete"));
        Assert.True(disk.Files.FileExists("/data/old-1.00ff-stray/00000000000000000000.log"));
    }

    [Fact]
    public void Repair_OfMissingMetadata_TakesTheIdFromTheOtherPartitions()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, "/data/topic-1/partition.metadata", $"version: 0\ntopic_id: {ToolDisk.TopicId}");
        disk.Files.DeleteFile("/data/topic-0/partition.metadata");

        Assert.Equal(0, ToolDisk.Run(disk, "repair", "--yes", "/data").Code);

        Assert.Equal(ToolDisk.TopicId, PartitionMetadata.Read(disk.Environment, "/data/topic-0"));
    }

    [Fact]
    public void Repair_OfACopyOutsideOfALogDirectory_WritesNothingBesideIt()
    {
        var disk = ToolDisk.WithOneLog();
        foreach (var entry in disk.Files.List("/data/topic-0"))
        {
            ToolDisk.Write(disk, $"/copies/was-topic/{entry.Name}", Read(disk, $"/data/topic-0/{entry.Name}"));
        }

        ToolDisk.Write(disk, "/copies/was-topic/00000000000000000000.log", [.. Read(disk, Log), 1, 2, 3]);

        Assert.Equal(0, ToolDisk.Run(disk, "repair", "--yes", "/copies/was-topic").Code);

        Assert.Equal(Read(disk, Log), Read(disk, "/copies/was-topic/00000000000000000000.log"));
        Assert.Equal(["was-topic"], disk.Files.List("/copies").Select(e => e.Name));
    }

    [Fact]
    public void Repair_OfIndexesWithoutALog_SetsThemAside()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, "/data/topic-0/00000000000000000099.index", "12345678");
        ToolDisk.Write(disk, "/data/topic-0/00000000000000000099.snapshot", "12345678");

        Assert.Equal(0, ToolDisk.Run(disk, "repair", "--yes", "/data").Code);

        Assert.Equal("12345678"u8.ToArray(), Read(disk, "/data/topic-0/00000000000000000099.index.damaged"));
        Assert.Equal("12345678"u8.ToArray(), Read(disk, "/data/topic-0/00000000000000000099.snapshot.damaged"));
    }

    [Fact]
    public void Repair_OfRecordsThatWereDeleted_CountsNoneOfThemAsLost()
    {
        var disk = ToolDisk.WithOneLog();
        ToolDisk.Write(disk, "/data/log-start-offset-checkpoint", "0\n1\ntopic 0 12\n");
        ToolDisk.Write(disk, Log, Read(disk, Log)[..^10]);
        disk.Files.DeleteFile(RecoveryPoints);
        disk.Files.DeleteFile("/data/replication-offset-checkpoint");

        var (code, report) = ToolDisk.Run(disk, "repair", "--yes", "/data");

        Assert.True(code == 0, report);
        Assert.Contains("REPAIR /data/topic-0: 0..11, then 12..12\n", report, StringComparison.Ordinal);
        Assert.Contains("no record is lost", report, StringComparison.Ordinal);
    }

    private static byte[] Read(TestDisk disk, string path) =>
        disk.Files.ReadAll(path, int.MaxValue) ?? throw new FileNotFoundException(path);

    private static string Line(string report, string start) =>
        report.Split('\n').Select(l => l.Trim()).First(l => l.StartsWith(start, StringComparison.Ordinal));
}
