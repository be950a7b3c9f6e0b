using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage.Tests.Compaction;

namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>Random logs, randomly damaged, repaired: clean, nothing invented, no whole batch thrown away.</summary>
public sealed class RepairHistoryTests
{
    private static readonly int Seeds =
        int.TryParse(Environment.GetEnvironmentVariable("ORLEANS_KAFKA_SEEDS"), out var seeds) ? seeds : 100;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Repair_OfRandomDamage_LosesNothingWhole(bool keepsRest)
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var log = new DamagedLog(seed);
            var (intact, original) = (log.Intact, log.Original);
            var before = ToolDisk.Contents(log.Disk, "/data");
            var plan = ToolDisk.Run(log.Disk, ["repair", .. Args(keepsRest)]);
            Assert.True(before.SequenceEqual(ToolDisk.Contents(log.Disk, "/data")), $"seed {seed}: the plan changed something");

            var done = ToolDisk.Run(log.Disk, ["repair", "--yes", .. Args(keepsRest)]);

            var told = $"seed {seed}: {string.Join("; ", log.Story)}\n{done.Output}";
            Assert.True(done.Code == 0, told);
            Assert.True(plan.Code == (done.Output.Contains("nothing to do", StringComparison.Ordinal) ? 0 : 1), told);
            Assert.Equal("/data: stopped cleanly\nnothing to do\n", ToolDisk.Run(log.Disk, ["repair", .. Args(keepsRest)]).Output);
            Check(log.Disk, intact, original, keepsRest, told);
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Repair_ThatDiesAnywhere_IsBroughtToItsEndByTheNext(bool powerLoss, bool keepsRest)
    {
        for (var seed = 1; seed <= Math.Max(1, Seeds / 50); seed++)
        {
            for (var (operation, isDead) = (1, true); isDead; operation++)
            {
                var log = new DamagedLog(seed);
                var (intact, original) = (log.Intact, log.Original);
                var dying = new DyingFileSystem(log.Disk.Files) { DieBefore = operation, PowerLoss = powerLoss };
                var environment = new LogEnvironment(dying, log.Disk.Clock, new Random(seed));
                ToolDisk.Run(environment, ["repair", "--yes", .. Args(keepsRest)]);
                isDead = dying.IsDead;

                var done = ToolDisk.Run(log.Disk, ["repair", "--yes", .. Args(keepsRest)]);

                var told = $"seed {seed}, operation {operation}: {string.Join("; ", log.Story)}\n{done.Output}";
                Assert.True(done.Code == 0, told);
                Check(log.Disk, intact, original, keepsRest, told);
            }
        }
    }

    private static string[] Args(bool keepsRest) => keepsRest ? ["--keep-rest", "/data"] : ["/data"];

    private static void Check(TestDisk disk, List<byte[]> intact, HashSet<string> original, bool keepsRest, string told)
    {
        var aside = disk.Files.List(DamagedLog.Directory)
            .Where(f => f.Name.EndsWith(LogFileName.Damaged, StringComparison.Ordinal))
            .Select(f => disk.Files.ReadAll($"{DamagedLog.Directory}/{f.Name}", int.MaxValue)!).ToList();
        disk.Notices.Clear();
        using var directory = LogDirectory.Open(disk.NewEnvironment(), "/data", "cluster", 1);
        Assert.True(directory.WasClean, told);
        var log = directory.OpenPartition("topic", 0, ToolDisk.TopicId, LogConfig.Default);
        Assert.False(log.Recovery.FoundDamage, told);
        Assert.False(disk.Notices.Any(n => n.Kind is StorageNoticeKind.DataCut or StorageNoticeKind.Rebuilt), told);
        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        var kept = Batches.ReadAll(log).Where(b => new RecordBatchInfo(b).RecordCount > 0).Select(DamagedLog.Key).ToHashSet();
        Assert.True(kept.All(original.Contains), told);
        foreach (var batch in intact.Where(b => !kept.Contains(DamagedLog.Key(b))))
        {
            Assert.True(!keepsRest && aside.Any(bytes => bytes.AsSpan().IndexOf(batch) >= 0), told);
        }

        Batches.MustAppend(log, Batches.Plain());
    }
}
