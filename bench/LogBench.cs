using System.Buffers;
using System.Diagnostics;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Bench;

/// <summary>
/// The frame of the rows that measure the log itself, in this process and without a broker. Log and floor take turns
/// within a row, so that a slow moment of the machine does not hit one alone.
/// </summary>
internal sealed class LogBench : IDisposable
{
    private readonly Action<Row> _add;
    private readonly string _path;
    private LogDirectory? _logs;
    private int _topics;
    private int _files;

    public LogBench(BenchOptions options, Action<Row> add)
    {
        _add = add;
        Options = options;
        _path = System.IO.Path.Combine(options.DataDirectory, "log");
        Environment = NewEnvironment();
        Directory.CreateDirectory(_path);
    }

    public BenchOptions Options { get; }

    public LogEnvironment Environment { get; }

    /// <summary>The log directory of all rows.</summary>
    public LogDirectory Logs => _logs ??= LogDirectory.Open(Environment, LogPath, "bench", 1);

    public string LogPath => System.IO.Path.Combine(_path, "logs");

    public static LogEnvironment NewEnvironment() =>
        new(PhysicalFileSystem.Instance, TimeProvider.System, new Random(1));

    /// <summary>
    /// Adds a row from the medians of as many rounds as the options say. Each call of a side is one measurement; the
    /// first round warms up and does not count.
    /// </summary>
    public void Measure(string name, string unit, Goal? goal, Func<double> log, Func<double>? floor)
    {
        var rounds = Math.Max(3, Options.Runs * 3);
        List<double> logs = [], floors = [];
        for (var round = 0; round <= rounds; round++)
        {
            // Who comes second finds caches and disk as the first one left them.
            var isFloorFirst = round % 2 == 1;
            var other = isFloorFirst && floor is not null ? floor() : double.NaN;
            var one = log();
            other = isFloorFirst || floor is null ? other : floor();
            if (round > 0)
            {
                logs.Add(one);
                floors.Add(other);
            }
        }

        _add(new Row("log", name, unit, Median(logs), Median(floors)) { Goal = goal });
    }

    /// <summary>Runs <paramref name="measure"/> with an empty log, which is deleted afterwards.</summary>
    public T WithLog<T>(LogConfig config, Func<PartitionLog, T> measure)
    {
        var log = Logs.OpenPartition($"row-{++_topics}", 0, new KafkaUuid(1, (ulong)_topics), config);
        try
        {
            return measure(log);
        }
        finally
        {
            Logs.DeletePartition(log);
            Environment.Deletions.Run(Environment, all: true);
        }
    }

    /// <summary>Runs <paramref name="measure"/> with the descriptor of an empty file, which is deleted afterwards.</summary>
    public T WithFile<T>(Func<int, T> measure)
    {
        var path = System.IO.Path.Combine(_path, $"floor-{++_files}");
        using var handle = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite);
        try
        {
            return measure((int)handle.DangerousGetHandle());
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Megabytes (10^6) per second of a job that moves so many bytes.</summary>
    public static double Rate(long bytes, Action job)
    {
        var before = Stopwatch.GetTimestamp();
        job();
        return bytes / 1e6 / Stopwatch.GetElapsedTime(before).TotalSeconds;
    }

    /// <summary>The 99th percentile, in microseconds, of so many calls.</summary>
    public static double Percentile99(int calls, Action<int> call)
    {
        var ticks = new long[calls];
        for (var i = 0; i < calls; i++)
        {
            var before = Stopwatch.GetTimestamp();
            call(i);
            ticks[i] = Stopwatch.GetTimestamp() - before;
        }

        Array.Sort(ticks);
        return ticks[calls * 99 / 100] * 1e6 / Stopwatch.Frequency;
    }

    /// <summary>A batch of about so many bytes, its first record at that time and each later one a millisecond after.</summary>
    public static byte[] Batch(int size, int recordBytes, long timestamp)
    {
        var builder = new RecordBatchBuilder(size + recordBytes);
        var value = new byte[recordBytes];
        new Random(size).NextBytes(value);
        do
        {
            builder.Add(timestamp + builder.Count, null, value);
        }
        while (builder.Size + recordBytes + 16 <= size);
        return builder.Build().ToArray();
    }

    /// <summary>The bytes in two pieces, as a batch lies that was received into two blocks.</summary>
    public static ReadOnlySequence<byte> InPieces(byte[] batch)
    {
        var second = new Piece(batch.AsMemory(batch.Length / 2), batch.Length / 2);
        var first = new Piece(batch.AsMemory(0, batch.Length / 2), 0, second);
        return new ReadOnlySequence<byte>(first, 0, second, second.Memory.Length);
    }

    public void Dispose() => _logs?.Dispose();

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, long index, Piece? next = null) =>
            (Memory, RunningIndex, Next) = (memory, index, next);
    }
}
