using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Bench;

/// <summary>
/// Cleaning of 10 GB with the default settings, and what appends notice of it: one thread goes on appending a record every
/// millisecond or so, in turns to the log that is cleaned and to another one, which it flushes now and then. Only on demand (<c>--rows cleaning</c>): it
/// takes minutes and 20 GB of disk.
/// </summary>
internal static class CleaningRows
{
    private const int RecordSize = 1_024;
    private const int BatchSize = 16_384;
    private const long LogBytes = 10_000_000_000;
    private const long FlushEvery = 512 << 20;

    // More than the default buffer has room for: it takes a second round.
    private const int Keys = 8_000_000;
    private const double IdleSeconds = 20;

    public static void Run(BenchOptions options, Action<Row> add)
    {
        using var bench = new LogBench(options, add);
        var config = LogConfig.Default with { Compact = true, TimestampAfterMaxMs = long.MaxValue, FileDeleteDelayMs = 0 };
        bench.WithLog(config, neighbour => bench.WithLog(config, log =>
        {
            Fill(log, options);
            var idle = new Appender(log, neighbour);
            idle.Start();
            Thread.Sleep(TimeSpan.FromSeconds(IdleSeconds));
            idle.Stop();
            var busy = new Appender(log, neighbour);
            busy.Start();
            var figures = Clean(log);
            busy.Stop();
            Report(add, figures, busy, idle);
            return 0;
        }));
    }

    private static void Report(Action<Row> add, (double Seconds, long Read, long Written, int Rounds) clean, Appender busy, Appender idle)
    {
        void Row(string name, string unit, double value, double other = double.NaN) =>
            add(new Row("cleaning", $"cleaning of 10 GB: {name}", unit, value, other));

        Row("time, of all rounds", "s", clean.Seconds);
        Row("rounds", "", clean.Rounds);
        Row("speed", "MB/s", clean.Read / 1e6 / clean.Seconds);
        Row("what came out", "MB", clean.Written / 1e6);
        Row("process memory, most (before)", "MB", busy.MostResident / 1e6, idle.MostResident / 1e6);
        foreach (var (name, share) in new[] { ("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0) })
        {
            Row($"append to the log, {name} (idle)", "us", busy.Own.At(share), idle.Own.At(share));
            Row($"append to another log, {name} (idle)", "us", busy.Other.At(share), idle.Other.At(share));
            Row($"flush of another log, {name} (idle)", "us", busy.Flushes.At(share), idle.Flushes.At(share));
        }
    }

    private static (double Seconds, long Read, long Written, int Rounds) Clean(PartitionLog log)
    {
        var end = log.MeasureCleanable().FirstUncleanableOffset;
        var (read, written, rounds) = (0L, 0L, 0);
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var report = log.Compact(CompactionOptions.Default);
            if (report.Outcome != CompactionOutcome.Cleaned)
            {
                throw new BenchException($"cleaning went wrong: {report}");
            }

            rounds++;
            read += report.BytesRead;
            written += report.BytesWritten;
            Console.Error.WriteLine($"round {rounds}: {report}, {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s so far");
            if (report.CleanedTo >= end)
            {
                return (Stopwatch.GetElapsedTime(started).TotalSeconds, read, written, rounds);
            }
        }
    }

    private static void Fill(PartitionLog log, BenchOptions options)
    {
        var random = new Random(1);
        var value = new byte[RecordSize];
        random.NextBytes(value);
        var builder = new RecordBatchBuilder(BatchSize + RecordSize);
        var append = new LogAppend { Origin = AppendOrigin.Coordinator };
        var target = options.Runs == 1 ? LogBytes / 10 : LogBytes;
        for (long bytes = 0, flushed = 0; bytes < target;)
        {
            builder.Reset();
            while (builder.Size + RecordSize + 32 <= BatchSize)
            {
                Add(builder, random.Next(Keys), value);
            }

            bytes += Append(log, append, builder);
            if (bytes - flushed > FlushEvery)
            {
                flushed = bytes;
                log.Flush();
            }
        }

        log.AdvanceHighWatermark(log.Offsets.LogEnd);
        log.Roll();
        log.Flush();
    }

    private static void Add(RecordBatchBuilder builder, int number, byte[] value)
    {
        var key = new byte[16];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        builder.Add(1_700_000_000_000 + builder.Count, key, value);
    }

    private static long Append(PartitionLog log, LogAppend append, RecordBatchBuilder builder)
    {
        var batch = builder.Build();
        append.Records = new ReadOnlySequence<byte>(batch.ToArray());
        log.Append(append);
        return append.Error == ErrorCode.None ? batch.Length : throw new BenchException($"an append failed: {append.Error}");
    }

    private sealed class Appender(PartitionLog own, PartitionLog other)
    {
        private readonly byte[] _value = new byte[RecordSize];
        private Thread? _thread;
        private volatile bool _isStopped;

        public Times Own { get; } = new();

        public Times Other { get; } = new();

        public Times Flushes { get; } = new();

        public long MostResident { get; private set; }

        public void Start()
        {
            _thread = new Thread(Work);
            _thread.Start();
        }

        public void Stop()
        {
            _isStopped = true;
            _thread!.Join();
        }

        private void Work()
        {
            var random = new Random(2);
            var builder = new RecordBatchBuilder(2 * RecordSize);
            var append = new LogAppend { Origin = AppendOrigin.Coordinator };
            for (var i = 0; !_isStopped; i++)
            {
                builder.Reset();
                Add(builder, random.Next(Keys), _value);
                var log = i % 2 == 0 ? own : other;
                var started = Stopwatch.GetTimestamp();
                Append(log, append, builder);
                (i % 2 == 0 ? Own : Other).Took(Stopwatch.GetElapsedTime(started));
                if (i % 8 == 7)
                {
                    // What an acknowledgement would wait for that means "on disk".
                    started = Stopwatch.GetTimestamp();
                    other.Flush();
                    Flushes.Took(Stopwatch.GetElapsedTime(started));
                }

                if (i % 100 == 0)
                {
                    MostResident = Math.Max(MostResident, ProcessUsage.ResidentBytes(Environment.ProcessId));
                }

                Thread.Sleep(1);
            }
        }
    }

    private sealed class Times
    {
        private readonly List<double> _microseconds = [];

        public void Took(TimeSpan time) => _microseconds.Add(time.TotalMicroseconds);

        public double At(double share)
        {
            var sorted = _microseconds.Order().ToList();
            return sorted[(int)Math.Min(sorted.Count - 1, sorted.Count * share)];
        }
    }
}
