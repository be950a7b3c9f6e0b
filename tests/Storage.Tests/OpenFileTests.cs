namespace Orleans.Kafka.Storage.Tests;

/// <summary>Few handles for many logs, and what a recovery reads.</summary>
public sealed class OpenFileTests
{
    private const int Limit = 16;
    private static readonly LogConfig Small = LogConfig.Default with { SegmentBytes = 2000, IndexIntervalBytes = 100 };

    [Fact]
    public void Logs_ManyMoreThanHandles_AreWrittenFlushedAndReadWithinTheBound()
    {
        var files = new CountingFileSystem(new SimulatedFileSystem(1));
        var environment = new LogEnvironment(files, new TestClock(), new Random(1)) { OpenFiles = new OpenFileCache(Limit) };
        var logs = Enumerable.Range(0, 50)
            .Select(i => PartitionLog.Open(environment, $"/data/many-{i}", "many", i, Small, default)).ToList();

        for (var round = 0; round < 40; round++)
        {
            foreach (var log in logs)
            {
                Batches.MustAppend(log, Batches.Plain(count: 2, valueSize: 100));
                Assert.True(round % 10 != 9 || log.Flush());
            }
        }

        foreach (var log in logs)
        {
            Assert.Equal(40, Batches.ReadAll(log).Count);
        }

        // One more for what is being opened, and one for a checkpoint or snapshot that is written beside.
        Assert.InRange(files.Most, Limit / 2, Limit + 2);
        Assert.True(files.Opened > 1000, "the bound was never felt");
        logs.ForEach(l => l.Dispose());
        Assert.Equal(0, files.Open);
    }

    [Fact]
    public void File_PinnedByAReader_StaysOpenUntilItIsLetGo()
    {
        var files = new CountingFileSystem(new SimulatedFileSystem(1));
        var cache = new OpenFileCache(1);
        var environment = new LogEnvironment(files, new TestClock(), new Random(1)) { OpenFiles = cache };
        files.CreateDirectory("/data");
        var read = new SegmentFile(environment, "/data", 0, LogFileName.Log) { MayCreate = true };
        var file = read.Pin()!;
        file.Write("abc"u8, 0);

        for (var i = 1; i < 100; i++)
        {
            var other = new SegmentFile(environment, "/data", i, LogFileName.Log) { MayCreate = true };
            other.Pin();
            other.Unpin();
        }

        Span<byte> content = stackalloc byte[3];
        Assert.Equal(3, file.Read(content, 0));
        Assert.True(cache.Count <= 3, $"{cache.Count} open");
        read.Unpin();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(50)]
    [InlineData(95)]
    public void Open_AfterAKill_ReadsWhatFollowsTheRecoveryPoint(int percent)
    {
        const int Count = 400;
        var disk = new TestDisk();
        var config = LogConfig.Default with { SegmentBytes = 200_000 };
        var point = Count * percent / 100;
        var bounds = new List<long> { 0 };
        var log = disk.Open(config);
        for (var i = 0; i < Count; i++)
        {
            var batch = Batches.Plain(valueSize: 10_000);
            Batches.MustAppend(log, batch);
            bounds.Add(bounds[^1] + batch.Length);
            Assert.True(i + 1 != point || log.Flush());
        }

        var before = disk.Files.BytesRead;
        using var again = PartitionLog.Open(
            disk.NewEnvironment(), TestDisk.Directory, "topic", 0, config, new LogOpenOptions { RecoveryPoint = point });
        var read = disk.Files.BytesRead - before;

        // A window begins where a batch did not fit into the last one, so a batch in each is read twice. Beside that the
        // headers of the segments at both ends: in front of the recovery point, and behind the producers' snapshot.
        var dirty = bounds[Count] - bounds[point];
        const int HeadersOfASegment = 25 * BatchHeaderScanner.WindowLength;
        Assert.Equal(Count, again.Offsets.LogEnd);
        Assert.InRange(read, dirty, (dirty * 6 / 5) + (2 * HeadersOfASegment) + 100_000);
    }
}
