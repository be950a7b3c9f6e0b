using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Bench;

/// <summary>The rows about the log as such: no broker, no sockets.</summary>
internal static partial class LogRows
{
    private const int BatchSize = 65_536;
    private const int RecordSize = 1_024;
    private const int AppendedPerSlice = 128 << 20;
    private const int ReadSize = 1 << 20;
    private const int Lookups = 20_000;
    private const int HeaderSize = 61;
    private const int ColdPartitions = 1_000;
    private const long FirstTimestamp = 1_700_000_000_000;

    public static void Run(BenchOptions options, Action<Row> add)
    {
        using var bench = new LogBench(options, add);
        Append(bench);
        FlushingRows.Run(bench);
        Read(bench);
        Allocation(bench);
        CompactionRows.Run(bench);
        OpenCold(bench);
    }

    private static void Append(LogBench bench)
    {
        bench.Measure("log: append to the page cache, 64-KiB batches", "MB/s", Goal.FloorShare(0.85),
            () => AppendOnce(bench, AppendOrigin.Coordinator), () => WriteOnce(bench));
        bench.Measure("log: append with CRC and batch checks", "MB/s", null,
            () => AppendOnce(bench, AppendOrigin.Client), () => WriteOnce(bench));
    }

    private static double AppendOnce(LogBench bench, AppendOrigin origin)
    {
        var pieces = LogBench.InPieces(LogBench.Batch(BatchSize, RecordSize, FirstTimestamp));
        var append = new LogAppend { Origin = origin };
        return bench.WithLog(LogConfig.Default with { TimestampAfterMaxMs = long.MaxValue }, log =>
            LogBench.Rate(AppendedPerSlice, () => AppendAll(log, append, pieces, AppendedPerSlice)));
    }

    private static void AppendAll(PartitionLog log, LogAppend append, ReadOnlySequence<byte> pieces, long bytes)
    {
        for (var left = bytes; left > 0; left -= pieces.Length)
        {
            AppendOnce(log, append, pieces);
        }
    }

    private static void AppendOnce(PartitionLog log, LogAppend append, ReadOnlySequence<byte> pieces)
    {
        ClearPlace(pieces);
        append.Records = pieces;
        log.Append(append);
        if (append.Error != ErrorCode.None)
        {
            throw new BenchException($"an append failed: {append.Error}");
        }
    }

    /// <summary>The log wrote the batch's offset into it; a client's batch comes without.</summary>
    private static void ClearPlace(in ReadOnlySequence<byte> pieces) =>
        MemoryMarshal.AsMemory(pieces.First).Span[..8].Clear();

    private static unsafe double WriteOnce(LogBench bench)
    {
        var batch = LogBench.Batch(BatchSize, RecordSize, FirstTimestamp);
        var half = batch.Length / 2;
        return bench.WithFile(file => LogBench.Rate(AppendedPerSlice, () =>
        {
            fixed (byte* start = batch)
            {
                var pieces = stackalloc IoPiece[2];
                pieces[0] = new IoPiece(start, half);
                pieces[1] = new IoPiece(start + half, batch.Length - half);
                long position = 0;
                for (; position < AppendedPerSlice; position += batch.Length)
                {
                    Check(Native.WriteGathered(file, pieces, 2, position) == batch.Length);
                }
            }
        }));
    }

    private static void Read(LogBench bench)
    {
        var batch = LogBench.Batch(BatchSize, RecordSize, FirstTimestamp);
        var append = new LogAppend();
        bench.WithLog(LogConfig.Default with { TimestampAfterMaxMs = long.MaxValue, SegmentBytes = 64 << 20 }, log =>
        {
            AppendTimed(log, append, batch, 2 * AppendedPerSlice);
            var files = Directory.GetFiles(log.Directory, "*.log").Order().Select(path => File.OpenHandle(path)).ToList();
            try
            {
                ReadRows(bench, log, files, batch.Length);
                return 0;
            }
            finally
            {
                files.ForEach(static file => file.Dispose());
            }
        });
    }

    /// <summary>Batches whose records' times go on, one millisecond a record.</summary>
    private static void AppendTimed(PartitionLog log, LogAppend append, byte[] batch, long bytes)
    {
        for (long done = 0, time = FirstTimestamp; done < bytes; done += batch.Length)
        {
            var timed = LogBench.Batch(BatchSize, RecordSize, time);
            AppendOnce(log, append, new ReadOnlySequence<byte>(timed));
            time = FirstTimestamp + log.Offsets.LogEnd;
        }
    }

    // The floor reads the very files of the log: how fast a file can be read depends on the memory that its pages got.
    private static void ReadRows(LogBench bench, PartitionLog log, List<SafeFileHandle> files, int batchSize)
    {
        var descriptors = files.ConvertAll(static file => (int)file.DangerousGetHandle());
        var lengths = files.ConvertAll(RandomAccess.GetLength);

        // As many whole batches as a megabyte holds: else the end of each read is read twice.
        var buffer = new byte[ReadSize / batchSize * batchSize];
        bench.Measure("log: sequential read, 1 MiB at a time", "MB/s", Goal.FloorShare(0.9),
            () => LogBench.Rate(log.SizeBytes, () => ReadAll(log, buffer)),
            () => LogBench.Rate(log.SizeBytes, () =>
            {
                for (var i = 0; i < files.Count; i++)
                {
                    for (long at = 0; at < lengths[i]; at += buffer.Length)
                    {
                        Check(Native.Read(descriptors[i], buffer, buffer.Length, at) > 0);
                    }
                }
            }));

        var end = log.Offsets.LogEnd;
        var random = new Random(7);
        bench.Measure("log: look-up of a random offset, p99", "us", null,
            () => LogBench.Percentile99(Lookups, _ =>
            {
                var read = log.Read(random.NextInt64(end), 1, end, atLeastOneBatch: true);
                Check(read.Length > 0);
                read.Release();
            }),
            () => ReadHeaders(random, lengths[0], descriptors[0], buffer));
        bench.Measure("log: look-up of a random time, p99", "us", null,
            () => LogBench.Percentile99(Lookups, _ =>
            {
                var offset = random.NextInt64(end);
                Check(log.ByTimestamp(FirstTimestamp + offset, end).Offset == offset);
            }),
            () => ReadHeaders(random, lengths[0], descriptors[0], buffer));
    }

    private static void ReadAll(PartitionLog log, byte[] buffer)
    {
        long offset = 0;
        while (offset < log.Offsets.LogEnd)
        {
            var read = log.Read(offset, buffer.Length, log.Offsets.LogEnd, atLeastOneBatch: true);
            var bytes = buffer.AsSpan(0, read.CopyTo(buffer));
            read.Release();
            offset = NextOffset(bytes);
        }
    }

    /// <summary>Behind the last whole batch, as a consumer goes on.</summary>
    private static long NextOffset(ReadOnlySpan<byte> bytes)
    {
        long next = -1;
        while (bytes.Length >= HeaderSize)
        {
            var size = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(bytes[8..]) + 12;
            if (size > bytes.Length)
            {
                break;
            }

            next = System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(bytes)
                + System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(bytes[23..]) + 1;
            bytes = bytes[size..];
        }

        return next;
    }

    /// <summary>The floor of a look-up: to read one batch header whose place is known.</summary>
    private static double ReadHeaders(Random random, long size, int file, byte[] buffer) =>
        LogBench.Percentile99(Lookups, _ =>
            Check(Native.Read(file, buffer, HeaderSize, random.NextInt64(size - HeaderSize)) == HeaderSize));

    private static void Allocation(LogBench bench)
    {
        const int Count = 2_000;
        var batch = LogBench.Batch(16_384, 100, FirstTimestamp);
        var pieces = LogBench.InPieces(batch);
        var append = new LogAppend();
        bench.WithLog(LogConfig.Default with { TimestampAfterMaxMs = long.MaxValue }, log =>
        {
            bench.Measure("log: allocated per appended 16-KiB batch", "B", Goal.NoMoreThan(64),
                () => Allocated(Count, () => AppendOnce(log, append, pieces)), null);
            var end = log.Offsets.LogEnd;
            var random = new Random(7);
            bench.Measure("log: allocated per fetch", "B", Goal.NoMoreThan(64),
                () => Allocated(Count, () => log.Read(random.NextInt64(end), ReadSize, end, true).Release()), null);
            return 0;
        });
    }

    private static double Allocated(int count, Action call)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < count; i++)
        {
            call();
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)count;
    }

    private static void Check(bool holds)
    {
        if (!holds)
        {
            throw new BenchException("a row of the log did not get what it asked for");
        }
    }

    private readonly unsafe struct IoPiece(byte* start, int length)
    {
        public readonly byte* Start = start;
        public readonly nint Length = length;
    }

    private static unsafe partial class Native
    {
        [LibraryImport("libc", EntryPoint = "pwritev")]
        public static partial nint WriteGathered(int file, IoPiece* pieces, int count, long position);

        [LibraryImport("libc", EntryPoint = "pwrite")]
        public static partial nint Write(int file, byte[] bytes, nint length, long position);

        [LibraryImport("libc", EntryPoint = "pread")]
        public static partial nint Read(int file, byte[] bytes, nint length, long position);
    }
}
