using System.Collections.Concurrent;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>Many logs of a directory that was not closed, recovered by a few threads.</summary>
public sealed class RecoveryThreadsTests
{
    private const int Count = 8;
    private static readonly KafkaUuid TopicId = new(7, 8);
    private static readonly LogConfig Config = LogConfig.Default with { SegmentBytes = 300_000 };
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TestDisk _disk = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void OpenAll_UsesSoManyThreadsAndNoMore(int threads)
    {
        LeaveUnclean();
        using var directory = Reopen();
        using var together = new Barrier(threads);
        var seen = new ConcurrentDictionary<Thread, bool>();
        _disk.Files.BeforeRead = (path, _, _) =>
        {
            // Each thread waits at its first read for all the others: none may be missing.
            if (path.EndsWith(".log", StringComparison.Ordinal) && seen.TryAdd(Thread.CurrentThread, true))
            {
                Assert.True(together.SignalAndWait(Patience), "a thread is missing");
            }
        };

        var progress = directory.OpenAll(Wanted(), threads);

        Assert.Equal(threads, seen.Count);
        Assert.Equal((threads, Count, Count, 100.0), (progress.Threads, progress.Logs, progress.LogsDone, progress.Percent));
        Assert.Equal(Count, directory.Logs.Count);
        Assert.All(directory.Logs, log => Assert.Equal(30L, log.Offsets.LogEnd));
        Assert.All(directory.Logs, log => Assert.True(log.Recovery.Scanned));
        Assert.Null(directory.Recovery);
    }

    [Fact]
    public void Recovery_WhileItRuns_GoesFromNothingToAllAndNeverBack()
    {
        LeaveUnclean();
        using var directory = Reopen();
        var told = new List<(double Percent, int Logs, int Segments)>();
        _disk.Files.BeforeRead = (_, _, _) =>
        {
            if (directory.Recovery is { } running)
            {
                told.Add((running.Percent, running.LogsDone, running.SegmentsLeft(0)));
            }
        };

        directory.OpenAll(Wanted(), threads: 1);

        Assert.Equal((0, 0), (told[0].Percent, told[0].Logs));
        Assert.True(told[0].Segments > 3);
        Assert.Equal(Count - 1, told[^1].Logs);
        Assert.InRange(told[^1].Percent, 85, 100);
        Assert.Equal(told.OrderBy(each => each.Percent).Select(each => each.Percent), told.Select(each => each.Percent));
        Assert.Equal(told.OrderBy(each => each.Logs).Select(each => each.Logs), told.Select(each => each.Logs));
        Assert.True(told.Select(each => each.Percent).Distinct().Count() > Count, "progress only between logs");
    }

    [Fact]
    public void Survey_AfterACheckpoint_CountsOnlyWhatFollowsTheRecoveryPoint()
    {
        using (var directory = Open())
        {
            var log = directory.OpenPartition("t", 0, TopicId, Config);
            Fill(log, 30);
            log.Flush();
            directory.WriteCheckpoints();
            Fill(log, 1);
        }

        using var again = Reopen();
        var progress = again.OpenAll([new LogToOpen("t", 0, TopicId, Config)], threads: 4);
        var log2 = again.Logs.Single();
        Assert.Equal(1, progress.Threads);
        Assert.InRange(progress.Bytes, 1, log2.SizeBytes / 2);
    }

    [Fact]
    public void OpenAll_WithADamagedLogAndOneThatCannotBeRead_OpensTheOthersAndIsNotClean()
    {
        LeaveUnclean();
        Damage("/data/t-1/00000000000000000000.log");
        var directory = Reopen();
        _disk.Files.BeforeRead = (path, _, _) =>
        {
            if (path.Contains("t-2/", StringComparison.Ordinal))
            {
                throw new IOException("bad sector");
            }
        };

        var progress = directory.OpenAll(Wanted(), threads: 2);

        Assert.Equal((Count, 100.0), (progress.LogsDone, progress.Percent));
        Assert.Null(directory.Find("t", 2));
        Assert.Equal(Count - 1, directory.Logs.Count);
        Assert.Equal(0L, directory.Find("t", 1)!.Offsets.LogEnd);
        Assert.Throws<IOException>(() => directory.OpenPartition("t", 2, TopicId, Config));

        // The one that was not recovered must not be taken for sound at the next opening.
        _disk.Files.BeforeRead = null;
        Assert.False(directory.Close());
        directory = Reopen();
        Assert.False(directory.WasClean);
        Assert.Equal(30L, directory.OpenPartition("t", 2, TopicId, Config).Offsets.LogEnd);
        directory.Dispose();
    }

    [Fact]
    public void OpenAll_Stopped_LeavesTheRestAndIsNotClean()
    {
        LeaveUnclean();
        var directory = Reopen();
        using var stop = new CancellationTokenSource();
        _disk.Files.BeforeRead = (_, _, _) => stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => directory.OpenAll(Wanted(), 1, stop.Token));
        Assert.Single(directory.Logs);
        Assert.Null(directory.Recovery);
        Assert.False(directory.Close());
        Assert.False(Reopen().WasClean);
    }

    [Fact]
    public void Close_AfterARecovery_IsCleanWhateverElseLiesThere()
    {
        LeaveUnclean();
        _disk.Files.CreateDirectory("/data/__cluster_metadata-0");
        _disk.Files.Replace("/data/__cluster_metadata-0/00000000000000000000.log", [1, 2, 3]);
        var directory = Reopen();
        directory.OpenAll(Wanted(), threads: 2);
        directory.DeletePartition(directory.Find("t", 3)!);
        Assert.True(directory.Close());
        directory = Reopen();
        Assert.True(directory.WasClean);
        directory.Dispose();
    }

    [Fact]
    public void Close_WithALogThatFailedAndCouldNotBeOpenedAgain_IsNotClean()
    {
        var directory = Open();
        Fill(directory.OpenPartition("t", 0, TopicId, Config), 3);
        Fill(directory.OpenPartition("t", 1, TopicId, Config), 3);
        Assert.True(directory.Close());
        directory = Reopen();
        Assert.True(directory.WasClean);
        var log = directory.OpenPartition("t", 0, TopicId, Config);
        _disk.Files.TearNextWriteAt = 10;
        Assert.NotEqual(ErrorCode.None, Batches.AppendTo(log, Batches.Plain()).Error);
        _disk.Files.BeforeRead = (_, _, _) => throw new IOException("bad sector");
        Assert.Throws<IOException>(() => directory.OpenPartition("t", 0, TopicId, Config));
        _disk.Files.BeforeRead = null;
        Assert.False(directory.Close());
    }

    [Fact]
    public void OpenPartition_FromTwoThreads_OpensTheLogOnce()
    {
        LeaveUnclean();
        using var directory = Reopen();
        using var isReading = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        _disk.Files.BeforeRead = (path, _, _) =>
        {
            if (path.Contains("t-0/", StringComparison.Ordinal) && !isReading.IsSet)
            {
                isReading.Set();
                Assert.True(goOn.Wait(Patience));
            }
        };
        PartitionLog? first = null, second = null;
        var one = new Thread(() => first = directory.OpenPartition("t", 0, TopicId, Config));
        var two = new Thread(() => second = directory.OpenPartition("t", 0, TopicId, Config));
        one.Start();
        Assert.True(isReading.Wait(Patience));
        two.Start();
        while ((two.ThreadState & ThreadState.WaitSleepJoin) == 0 && two.IsAlive)
        {
            Thread.Yield();
        }

        Assert.NotNull(directory.OpenPartition("t", 1, TopicId, Config));
        goOn.Set();
        one.Join();
        two.Join();
        Assert.NotNull(first);
        Assert.Same(first, second);
    }

    private static void Fill(PartitionLog log, int batches)
    {
        for (var i = 0; i < batches; i++)
        {
            Batches.MustAppend(log, Batches.Plain(valueSize: 50_000));
        }
    }

    private static IEnumerable<LogToOpen> Wanted() =>
        Enumerable.Range(0, Count + 1).Select(i => new LogToOpen("t", i, TopicId, Config));

    private LogDirectory Open() => LogDirectory.Open(_disk.Environment, "/data", "c", 1);

    private LogDirectory Reopen() => LogDirectory.Open(_disk.NewEnvironment(), "/data", "c", 1);

    private void LeaveUnclean()
    {
        using var directory = Open();
        for (var i = 0; i < Count; i++)
        {
            Fill(directory.OpenPartition("t", i, TopicId, Config), 30);
        }
    }

    private void Damage(string path)
    {
        using var file = ((IFileSystem)_disk.Files).Open(path, FileOpen.ReadWrite);
        file.Write(new byte[100], 0);
    }
}
