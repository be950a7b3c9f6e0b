using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>Finding batches by offset: the right one, and with how many reads.</summary>
public sealed class LookupTests
{
    [Theory]
    [InlineData(10, 5_000)]
    [InlineData(3_000, 400)]
    [InlineData(9_000, 300)]
    public void Read_AtAnyOffset_BeginsWithTheBatchThatHoldsIt(int valueSize, int batches)
    {
        var disk = new TestDisk();
        using var log = disk.Open(LogConfig.Default with { IndexIntervalBytes = valueSize });
        var random = new Random(valueSize);
        for (var i = 0; i < batches; i++)
        {
            Batches.MustAppend(log, Batches.Plain(1 + random.Next(4), valueSize: valueSize / 2));
        }

        // More entries than are kept, and some beyond what was in the file when it was first read.
        for (var half = 0; half < 2; half++)
        {
            for (var i = 0; i < 500; i++)
            {
                var offset = random.NextInt64(log.Offsets.LogEnd);
                var first = new RecordBatchInfo(Batches.ReadBytes(log, offset, maxBytes: 1));
                Assert.InRange(offset, first.BaseOffset, first.LastOffset);
            }

            log.Roll();
            Batches.MustAppend(log, Batches.Plain());
        }
    }

    [Fact]
    public void Read_OfLargeBatches_LooksAtOneHeaderAndReadsTheIndexOnce()
    {
        var disk = new TestDisk();
        using var log = disk.Open();
        for (var i = 0; i < 100; i++)
        {
            Batches.MustAppend(log, Batches.Plain(10, valueSize: 2_000));
        }

        log.Roll();
        Batches.MustAppend(log, Batches.Plain());
        Read(log, 500);
        var reads = new List<(string File, int Length)>();
        disk.Files.BeforeRead = (path, _, length) => reads.Add((Path.GetExtension(path), length));
        for (var offset = 15; offset < 900; offset += 90)
        {
            reads.Clear();
            Read(log, offset);
            Assert.Equal([(".log", RecordBatchHeader.Size)], reads);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(500)]
    public void AppendAndRead_OfBatchesWithManyRecords_AllocateNothingPerRecord(int records)
    {
        const int count = 300;
        var directory = Directory.CreateTempSubdirectory("orleans-kafka-").FullName;
        try
        {
            var environment = new LogEnvironment(PhysicalFileSystem.Instance, new TestClock(), new Random(1));
            using var log = PartitionLog.Open(
                environment, Path.Join(directory, "topic-0"), "topic", 0, LogConfig.Default, default);
            var bytes = Batches.Plain(records);
            var append = Batches.Of(bytes);
            var read = new byte[bytes.Length];
            Run();
            var before = GC.GetAllocatedBytesForCurrentThread();
            Run();
            var each = (GC.GetAllocatedBytesForCurrentThread() - before) / count;

            // An index entry, which is kept in memory at first; nothing else.
            Assert.InRange(each, 0, 100);

            void Run()
            {
                for (var i = 0; i < count; i++)
                {
                    bytes.AsSpan(0, sizeof(long)).Clear();
                    log.Append(append);
                    var range = log.Read(append.BaseOffset, int.MaxValue, log.Offsets.LogEnd, atLeastOneBatch: true);
                    if (range.CopyTo(read) != bytes.Length)
                    {
                        throw new InvalidOperationException("the batch is not there");
                    }

                    range.Release();
                }
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Read(PartitionLog log, long offset)
    {
        var read = log.Read(offset, int.MaxValue, log.Offsets.LogEnd, atLeastOneBatch: true);
        Assert.Equal(ErrorCode.None, read.Error);
        read.Release();
    }
}
