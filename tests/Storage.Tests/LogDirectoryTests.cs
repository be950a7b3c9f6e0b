using System.Text;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage.Tests;

public sealed class LogDirectoryTests
{
    private static readonly KafkaUuid TopicId = new(7, 8);

    [Fact]
    public void Open_WhileAnotherHasIt_Refuses()
    {
        var disk = new TestDisk();
        using var first = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        Assert.Throws<LogFormatException>(() => LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1));
        first.Dispose();
        LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1).Dispose();
    }

    [Theory]
    [InlineData("other", 1)]
    [InlineData("c", 2)]
    public void Open_OfAnotherBroker_Refuses(string cluster, int node)
    {
        var disk = new TestDisk();
        LogDirectory.Open(disk.Environment, "/data", "c", 1).Dispose();
        Assert.Throws<LogFormatException>(() => LogDirectory.Open(disk.NewEnvironment(), "/data", cluster, node));
        LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1).Dispose();
    }

    [Fact]
    public void Open_OnARealDisk_LocksAndSurvivesAReopening()
    {
        var path = Directory.CreateTempSubdirectory("orleans-kafka-").FullName;
        try
        {
            var environment = new LogEnvironment(PhysicalFileSystem.Instance, new TestClock(), new Random(1));
            var directory = LogDirectory.Open(environment, path, "c", 1);
            Assert.Throws<LogFormatException>(() => LogDirectory.Open(environment, path, "c", 1));
            var logs = Enumerable.Range(0, 20)
                .Select(i => directory.OpenPartition("t", i, TopicId, LogConfig.Default)).ToList();
            logs.ForEach(l => Batches.MustAppend(l, Batches.Plain(3)));
            var id = directory.Properties.DirectoryId;
            Assert.True(directory.Close());
            directory = LogDirectory.Open(environment, path, "c", 1);
            Assert.Equal((true, id), (directory.WasClean, directory.Properties.DirectoryId));
            Assert.Equal(20, directory.ListPartitions().Count(p => p.TopicId == TopicId));
            foreach (var stored in directory.ListPartitions())
            {
                var log = directory.OpenPartition(stored.Topic, stored.Partition, TopicId, LogConfig.Default);
                Assert.Equal((3L, 3L), (log.Offsets.LogEnd, log.RecoveryPoint));
                Assert.Single(Batches.ReadAll(log));
                directory.DeletePartition(log);
            }

            Assert.Equal(20, environment.Deletions.Run(environment, all: true));
            Assert.Empty(directory.ListPartitions());
            directory.Dispose();
            Assert.False(LogDirectory.Open(environment, path, "c", 1).WasClean);
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }

    [Fact]
    public void OpenPartition_AfterItsClose_OpensItAgain()
    {
        var disk = new TestDisk();
        using var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        var log = directory.OpenPartition("t", 0, TopicId, LogConfig.Default);
        Batches.MustAppend(log, Batches.Plain(3));
        Assert.True(log.Close());
        var again = directory.OpenPartition("t", 0, TopicId, LogConfig.Default);
        Assert.NotSame(log, again);
        Assert.Equal((3L, false), (again.Offsets.LogEnd, again.Recovery.Scanned));
        Assert.Equal(3, Batches.MustAppend(again, Batches.Plain()));
        Assert.True(again.Close());
        Assert.True(directory.Close());
        using var next = LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1);
        Assert.True(next.WasClean);
    }

    [Fact]
    public void OpenPartition_OfAnotherTopicOfThatName_SetsTheOldOneAside()
    {
        var disk = new TestDisk();
        var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        Batches.MustAppend(directory.OpenPartition("t", 0, TopicId, LogConfig.Default), Batches.Plain(3));
        directory.Close();
        directory = LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1);
        var log = directory.OpenPartition("t", 0, new KafkaUuid(9, 9), LogConfig.Default);
        Assert.Equal((0L, 0L), (log.Offsets.LogStart, log.Offsets.LogEnd));
        Assert.Contains(disk.Files.List("/data"), f => f.Name.EndsWith("-stray", StringComparison.Ordinal));
        Assert.Equal(StorageNoticeKind.Stray, Assert.Single(disk.Notices).Kind);
        Assert.Single(directory.ListPartitions());
        directory.Dispose();
    }

    /// <summary>What an old topic of that name left, of which a power loss took all but an empty segment.</summary>
    [Fact]
    public void OpenPartition_OfADirectoryWithOnlyALaterSegment_BeginsAtZero()
    {
        var disk = new TestDisk();
        disk.Files.CreateDirectory("/data/t-0");
        disk.Files.Open("/data/t-0/00000000000000000017.log", FileOpen.CreateOrOpen).Dispose();
        using var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);

        var log = directory.OpenPartition("t", 0, TopicId, LogConfig.Default);

        Assert.Equal((0L, 0L), (log.Offsets.LogStart, log.Offsets.LogEnd));
        Assert.Equal(StorageNoticeKind.Stray, Assert.Single(disk.Notices).Kind);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OpenPartition_OfANewTopicWithAnOldName_OwesNothingToTheOldCheckpoints(bool isDeleted)
    {
        var disk = new TestDisk();
        var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        var old = directory.OpenPartition("t", 0, TopicId, LogConfig.Default);
        Batches.MustAppend(old, Batches.Plain(10));
        old.AdvanceHighWatermark(10);
        Assert.Equal(ErrorCode.None, old.DeleteRecordsTo(8));
        directory.WriteCheckpoints();
        if (isDeleted)
        {
            directory.DeletePartition(old);
        }
        else
        {
            directory.Dispose();
            disk.Files.Kill();
            directory = LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1);
        }

        var log = directory.OpenPartition("t", 0, new KafkaUuid(9, 9), LogConfig.Default);
        Batches.MustAppend(log, Batches.Plain(3));
        Assert.True(log.Flush());
        directory.Dispose();
        disk.Files.Kill();

        using var next = LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1);
        log = next.OpenPartition("t", 0, new KafkaUuid(9, 9), LogConfig.Default);
        Assert.Equal((0L, 3L), (log.Offsets.LogStart, log.Offsets.LogEnd));
    }

    [Fact]
    public void OpenPartition_WhoseMetadataNeverReachedTheDisk_TakesIt()
    {
        var disk = new TestDisk();
        disk.Files.CreateDirectory("/data/t-0");
        using var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        directory.OpenPartition("t", 0, TopicId, LogConfig.Default);
        Assert.Equal(TopicId, Assert.Single(directory.ListPartitions()).TopicId);
        Assert.Empty(disk.Notices);
    }

    [Fact]
    public void Checkpoints_Written_AreReadByTheNext()
    {
        var disk = new TestDisk();
        var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        var log = directory.OpenPartition("my-topic", 3, TopicId, LogConfig.Default);
        Batches.MustAppend(log, Batches.Plain(10));
        log.AdvanceHighWatermark(8);
        log.Flush();
        Assert.Equal(ErrorCode.None, log.DeleteRecordsTo(4));
        directory.WriteCheckpoints();
        Assert.Equal("0\n1\nmy-topic 3 10\n", Text(disk, "recovery-point-offset-checkpoint"));
        Assert.Equal("0\n1\nmy-topic 3 4\n", Text(disk, "log-start-offset-checkpoint"));
        Assert.Equal("0\n1\nmy-topic 3 8\n", Text(disk, "replication-offset-checkpoint"));
        directory.Dispose();
        disk.Files.Crash();
        using var next = LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1);
        log = next.OpenPartition("my-topic", 3, TopicId, LogConfig.Default);
        Assert.Equal(
            (4L, 8L, 10L, 10L),
            (log.Offsets.LogStart, log.Offsets.HighWatermark, log.Offsets.LogEnd, log.RecoveryPoint));
    }

    [Fact]
    public void DeletePartition_UnderAReader_WaitsForIt()
    {
        var disk = new TestDisk();
        using var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        var config = LogConfig.Default with { FileDeleteDelayMs = 0 };
        var log = directory.OpenPartition("t", 0, TopicId, config);
        Batches.MustAppend(log, Batches.Plain(3));
        var read = log.Read(0, 1000, 3, atLeastOneBatch: true);
        directory.DeletePartition(log);
        Assert.Equal(0, disk.Environment.Deletions.Run(disk.Environment));
        Assert.Equal(read.Length, read.CopyTo(new byte[1000]));
        var fresh = directory.OpenPartition("t", 0, TopicId, config);
        Assert.Equal(0, fresh.Offsets.LogEnd);
        Assert.Equal(ErrorCode.KafkaStorageError, Batches.AppendTo(log, Batches.Plain()).Error);
        read.Release();
        Assert.Equal(1, disk.Environment.Deletions.Run(disk.Environment));
        Assert.Single(disk.Files.List("/data"), f => f.IsDirectory);
    }

    [Fact]
    public void Close_OfManyLogs_FlushesOnce()
    {
        var disk = new TestDisk();
        var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        for (var i = 0; i < 50; i++)
        {
            Batches.MustAppend(directory.OpenPartition("t", i, TopicId, LogConfig.Default), Batches.Plain());
        }

        var flushes = 0;
        disk.Files.BeforeFlush = _ => flushes++;
        Assert.True(directory.Close());
        Assert.True(flushes < 10, $"{flushes} flushes");
        disk.Files.Crash();
        using var next = LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1);
        Assert.True(next.WasClean);
        Assert.All(
            next.ListPartitions(),
            p => Assert.Equal(1, next.OpenPartition("t", p.Partition, TopicId, LogConfig.Default).Offsets.LogEnd));
        Assert.Empty(disk.Notices);
    }

    [Fact]
    public void Close_WhenTheSharedFlushFails_LeavesNoMarker()
    {
        var disk = new TestDisk();
        var directory = LogDirectory.Open(disk.Environment, "/data", "c", 1);
        for (var i = 0; i < 20; i++)
        {
            Batches.MustAppend(directory.OpenPartition("t", i, TopicId, LogConfig.Default), Batches.Plain());
        }

        disk.Files.BeforeFlush = path =>
        {
            if (path == "/data")
            {
                throw new IOException("EIO");
            }
        };
        Assert.False(directory.Close());
        using var next = LogDirectory.Open(disk.NewEnvironment(), "/data", "c", 1);
        Assert.False(next.WasClean);
    }

    private static string Text(TestDisk disk, string name) =>
        Encoding.ASCII.GetString(disk.Files.ReadAll("/data/" + name, 10_000)!);
}
