using System.Runtime.CompilerServices;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>Few handles for many logs, and what a recovery reads.</summary>
public sealed class OpenFileTests
{
    private const int Limit = 16;
    private static readonly LogConfig Small = LogConfig.Default with { SegmentBytes = 2000, IndexIntervalBytes = 100 };

    [Fact]
    public void Logs_ManyMoreThanHandles_AreWrittenFlushedAndReadWithinTheBound()
    {
        var files = new GuardedFileSystem(new SimulatedFileSystem(1));
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
        Assert.Equal(0, files.OpenCount);
    }

    [Fact]
    public void File_PinnedByAReader_StaysOpenUntilItIsLetGo()
    {
        var files = new GuardedFileSystem(new SimulatedFileSystem(1));
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

    [Fact]
    public void Pin_WithNoHandleLeftInTheProcess_TakesOneFromAnIdleFile()
    {
        var files = new GuardedFileSystem(new SimulatedFileSystem(1));
        var environment = new LogEnvironment(files, new TestClock(), new Random(1)) { OpenFiles = new OpenFileCache(Limit) };
        var idle = Touch(environment, Limit);
        files.OpeningsToFail = 1;
        var one = Touch(environment, 1)[0];
        Assert.Equal((1 + (Limit / 2), 1 + (Limit / 2)), (files.OpenCount, environment.OpenFiles.Count));
        files.OpeningsToFail = 2;
        Assert.Throws<IOException>(() => new SegmentFile(environment, "/data", 900, LogFileName.Log).Pin());
        Assert.NotNull(one.Pin());
        Assert.NotNull(idle[0].Pin());
    }

    [Fact]
    public void Read_WithMoreFilesInUseThanThereShouldBe_GivesOneBatchAtLeastAndElseNothing()
    {
        var files = new GuardedFileSystem(new SimulatedFileSystem(1));
        var environment = new LogEnvironment(files, new TestClock(), new Random(1)) { OpenFiles = new OpenFileCache(Limit) };
        using var log = PartitionLog.Open(environment, "/data/t-0", "t", 0, Small, default);
        Batches.MustAppend(log, Batches.Plain());
        var held = Touch(environment, Limit + (Limit / 8));
        held.ForEach(f => f.Pin());
        var first = log.Read(0, 1000, 1, atLeastOneBatch: true);
        Assert.True(environment.OpenFiles.IsCrowded);
        Assert.True(first.Length > 0);
        Assert.Equal((0, ErrorCode.None), (log.Read(0, 1000, 1, atLeastOneBatch: false) is var read ? read.Length : -1, read.Error));
        first.Release();
        held.ForEach(f => f.Unpin());
        Touch(environment, Limit);
        Assert.False(environment.OpenFiles.IsCrowded);
        read = log.Read(0, 1000, 1, atLeastOneBatch: false);
        Assert.True(read.Length > 0);
        read.Release();
    }

    [Fact]
    public void Flush_WithMoreFilesInUseThanThereShouldBe_HoldsNoFileOfItsOwn()
    {
        var files = new GuardedFileSystem(new SimulatedFileSystem(1));
        var environment = new LogEnvironment(files, new TestClock(), new Random(1)) { OpenFiles = new OpenFileCache(1) };
        using var directory = LogDirectory.Open(environment, "/data", "c", 1);
        var logs = Enumerable.Range(0, 50).Select(i => directory.OpenPartition("t", i, new(1, 1), Small)).ToList();
        logs.ForEach(l => Batches.MustAppend(l, Batches.Plain()));
        logs.ForEach(l => l.Flush());
        logs.ForEach(l => Batches.MustAppend(l, Batches.Plain()));
        var flushes = logs.ConvertAll(_ => new LogFlush());
        for (var i = 0; i < logs.Count; i++)
        {
            logs[i].BeginFlush(flushes[i]);
        }

        Assert.InRange(environment.OpenFiles.Count, 1, 3);
        directory.FlushTogether(flushes);
        flushes.ForEach(f => f.EndOfItsLog());
        Assert.All(logs, l => Assert.Equal(2, l.RecoveryPoint));
    }

    [Fact]
    public void TakingAndClosing_InTightLoops_NeverMeet()
    {
        var files = new GuardedFileSystem(new SimulatedFileSystem(1));
        var environment = new LogEnvironment(files, new TestClock(), new Random(1));
        var file = Touch(environment, 1)[0];
        var isDone = false;
        var closed = 0;
        var closer = new Thread(() =>
        {
            while (!Volatile.Read(ref isDone))
            {
                if (file.CloseIfIdle())
                {
                    closed++;
                }
                else
                {
                    // With one processor the other would wait for this one's time slice to end, each time anew.
                    Thread.Yield();
                }
            }
        });
        closer.Start();
        for (var i = 0; (i < 50_000 || Volatile.Read(ref closed) < 100) && files.Violations.IsEmpty; i++)
        {
            var content = file.Pin()!;
            _ = content.Length;
            file.Unpin();
            if (i % 100 == 0)
            {
                Thread.Yield();
            }
        }

        Volatile.Write(ref isDone, true);
        closer.Join();
        Assert.Empty(files.Violations);
        Assert.Equal(environment.OpenFiles.Count, files.OpenCount);
    }

    [Fact]
    public void Unpin_OnceTooOften_IsNoticed()
    {
        var environment = new TestDisk().Environment;
        var file = Touch(environment, 1)[0];
        Assert.Throws<InvalidOperationException>(file.Unpin);
    }

    [Fact]
    public void FilesOfRemovedSegments_AreNotKeptInMemory()
    {
        var environment = new TestDisk().Environment;
        var gone = Retired(environment);
        Touch(environment, 2);
        GC.Collect();
        Assert.False(gone.IsAlive);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Retired(LogEnvironment environment)
    {
        var file = Touch(environment, 1)[0];
        file.Retire(static () => { });
        return new WeakReference(file);
    }

    private static List<SegmentFile> Touch(LogEnvironment environment, int count)
    {
        environment.Files.CreateDirectory("/data");
        var touched = new List<SegmentFile>();
        for (var i = 0; i < count; i++)
        {
            touched.Add(new SegmentFile(environment, "/data", 1000 + i, LogFileName.Log) { MayCreate = true });
            touched[i].Pin();
            touched[i].Unpin();
        }

        return touched;
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
