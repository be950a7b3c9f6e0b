using System.Buffers;
using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Bench;

/// <summary>
/// Cleaning of a compacted log against a plain copy of its files with reads and writes of the same size. What cleaning
/// leaves is durable; the copy stays in the page cache. Keys are drawn at random, each about twice, so that most
/// batches lose some of their records and have to be written anew.
/// </summary>
internal static class CompactionRows
{
    private const int BatchSize = 16_384;
    private const long LogBytes = 128 << 20;
    private const long FirstTimestamp = 1_700_000_000_000;

    public static void Run(LogBench bench)
    {
        Measure(bench, 1_024, Goal.FloorShare(0.3));
        Measure(bench, 100, null);
    }

    private static void Measure(LogBench bench, int recordSize, Goal? goal)
    {
        var batches = Batches(recordSize);
        var config = LogConfig.Default with
        {
            Compact = true,
            TimestampAfterMaxMs = long.MaxValue,
            SegmentBytes = 32 << 20,
            FileDeleteDelayMs = 0,
        };
        double copied = 0;
        bench.Measure(
            $"log: compaction, {recordSize}-byte records, half of them replaced", "MB/s", goal,
            () => bench.WithLog(config, log =>
            {
                Fill(log, batches);
                copied = Copy(bench, log);
                return Compact(log);
            }),
            () => copied);
    }

    /// <summary>A log's worth of batches; they are built once, so that filling a log costs little.</summary>
    private static List<byte[]> Batches(int recordSize)
    {
        var records = (int)(LogBytes / recordSize);
        var random = new Random(recordSize);
        var value = new byte[recordSize];
        random.NextBytes(value);
        var key = new byte[16];
        var builder = new RecordBatchBuilder(BatchSize + recordSize);
        var batches = new List<byte[]>();
        for (long bytes = 0; bytes < LogBytes; bytes += batches[^1].Length)
        {
            builder.Reset();
            do
            {
                BinaryPrimitives.WriteInt32BigEndian(key, random.Next(records / 2));
                builder.Add(FirstTimestamp + builder.Count, key, value);
            }
            while (builder.Size + recordSize + 32 <= BatchSize);
            batches.Add(builder.Build().ToArray());
        }

        return batches;
    }

    private static void Fill(PartitionLog log, List<byte[]> batches)
    {
        var append = new LogAppend { Origin = AppendOrigin.Coordinator };
        foreach (var batch in batches)
        {
            append.Records = new ReadOnlySequence<byte>(batch);
            log.Append(append);
            if (append.Error != ErrorCode.None)
            {
                throw new BenchException($"an append failed: {append.Error}");
            }
        }

        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        log.Roll();
        log.Flush();
    }

    private static double Compact(PartitionLog log)
    {
        var bytes = log.SizeBytes;
        return LogBench.Rate(bytes, () =>
        {
            var report = log.Compact(CompactionOptions.Default);
            if (report.Outcome != CompactionOutcome.Cleaned || report.BytesRead != bytes)
            {
                throw new BenchException($"cleaning went wrong: {report}");
            }
        });
    }

    private static double Copy(LogBench bench, PartitionLog log)
    {
        var buffer = new byte[CompactionOptions.Default.IoBufferBytes];
        var target = System.IO.Path.Combine(bench.LogPath, "copy");
        var rate = LogBench.Rate(log.SizeBytes, () =>
        {
            foreach (var path in Directory.GetFiles(log.Directory, "*.log"))
            {
                using var from = File.OpenHandle(path, share: FileShare.ReadWrite);
                using var to = File.OpenHandle(target, FileMode.Create, FileAccess.Write);
                long at = 0;
                for (int read; (read = RandomAccess.Read(from, buffer, at)) > 0; at += read)
                {
                    RandomAccess.Write(to, buffer.AsSpan(0, read), at);
                }
            }
        });
        File.Delete(target);
        return rate;
    }
}
