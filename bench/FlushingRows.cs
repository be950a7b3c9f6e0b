using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Bench;

/// <summary>
/// How long an append takes while another thread flushes the same log over and over, against a write and a flush of a file:
/// what the file system itself makes a write wait for is in both.
/// </summary>
internal static partial class FlushingRows
{
    private const int Appends = 600;
    private const int WarmUp = 50;
    private const int BatchSize = 16_384;
    private static readonly long Gap = Stopwatch.Frequency / 2_000;

    public static void Run(LogBench bench)
    {
        Measure(bench, "nobody flushes", isFlushing: false);
        Measure(bench, "another thread flushes", isFlushing: true);
    }

    private static void Measure(LogBench bench, string how, bool isFlushing) =>
        bench.Measure($"log: append of 16 KiB while {how}, p99", "us", null,
            () => bench.WithLog(LogConfig.Default with { TimestampAfterMaxMs = long.MaxValue }, log =>
            {
                var batch = LogBench.Batch(BatchSize, 1_024, 1_700_000_000_000);
                var append = new LogAppend { Origin = AppendOrigin.Coordinator };
                return Measure(isFlushing, () => log.Flush(), () =>
                {
                    append.Records = new ReadOnlySequence<byte>(batch);
                    log.Append(append);
                });
            }),
            () => bench.WithFile(file =>
            {
                var bytes = new byte[BatchSize];
                long position = 0;
                return Measure(isFlushing, () => _ = Native.Flush(file), () =>
                {
                    _ = Native.Write(file, bytes, bytes.Length, position);
                    position += bytes.Length;
                });
            }));

    private static double Measure(bool isFlushing, Action flush, Action append)
    {
        // The file is made, and the first flush, which is for its name as well, is over.
        append();
        flush();
        using var stop = new CancellationTokenSource();
        var (appended, flushed) = (0, 0);
        var flusher = new Thread(() =>
        {
            while (isFlushing && !stop.IsCancellationRequested)
            {
                var seen = Volatile.Read(ref appended);
                if (seen == flushed)
                {
                    Thread.Yield();
                    continue;
                }

                flush();
                flushed = seen;
            }
        });
        flusher.Start();
        var next = Stopwatch.GetTimestamp();
        var ticks = new long[Appends];
        for (var i = -WarmUp; i < Appends; i++)
        {
            next += Gap;
            while (Stopwatch.GetTimestamp() < next)
            {
                Thread.Yield();
            }

            var before = Stopwatch.GetTimestamp();
            append();
            ticks[Math.Max(i, 0)] = Stopwatch.GetTimestamp() - before;
            Volatile.Write(ref appended, appended + 1);
        }

        stop.Cancel();
        flusher.Join();
        Array.Sort(ticks);
        return ticks[Appends * 99 / 100] * 1e6 / Stopwatch.Frequency;
    }

    private static partial class Native
    {
        [LibraryImport("libc", EntryPoint = "pwrite")]
        public static partial nint Write(int file, byte[] bytes, nint length, long position);

        [LibraryImport("libc", EntryPoint = "fdatasync")]
        public static partial int Flush(int file);
    }
}
