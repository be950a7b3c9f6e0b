using System.Diagnostics;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Bench;

/// <content>Opening many partitions that nobody has touched since the machine started.</content>
internal static partial class LogRows
{
    private const string DropCaches = "/proc/sys/vm/drop_caches";

    private static void OpenCold(LogBench bench)
    {
        var path = bench.LogPath + "-cold";
        using (var logs = LogDirectory.Open(LogBench.NewEnvironment(), path, "bench", 1))
        {
            var append = new LogAppend();
            var batch = LogBench.Batch(16_384, RecordSize, FirstTimestamp);
            for (var i = 0; i < ColdPartitions; i++)
            {
                var log = logs.OpenPartition("cold", i, new KafkaUuid(1, 1), LogConfig.Default with
                {
                    TimestampAfterMaxMs = long.MaxValue,
                });
                for (var n = 0; n < 4; n++)
                {
                    AppendOnce(log, append, new(batch));
                }
            }

            Check(logs.Close());
        }

        var isCold = TryDropCaches();
        bench.Measure($"log: open of 1,000 partitions, {(isCold ? "cold" : "warm (caches cannot be dropped)")}", "ms",
            null, () => OpenAll(path), () => ListAll(path));
    }

    private static double OpenAll(string path)
    {
        TryDropCaches();
        var clock = Stopwatch.StartNew();
        using var logs = LogDirectory.Open(LogBench.NewEnvironment(), path, "bench", 1);
        for (var i = 0; i < ColdPartitions; i++)
        {
            var log = logs.OpenPartition("cold", i, new KafkaUuid(1, 1), LogConfig.Default);
            Check(log.Offsets.LogEnd > 0);
        }

        var elapsed = clock.Elapsed.TotalMilliseconds;
        Check(logs.WasClean);
        logs.Close();
        return elapsed;
    }

    /// <summary>The floor: each directory is listed and the newest segment's last byte read.</summary>
    private static double ListAll(string path)
    {
        TryDropCaches();
        var one = new byte[1];
        var clock = Stopwatch.StartNew();
        foreach (var directory in Directory.EnumerateDirectories(path))
        {
            var newest = new DirectoryInfo(directory).EnumerateFiles().Where(f => f.Extension == ".log")
                .MaxBy(f => f.Name, StringComparer.Ordinal)!;
            using var handle = File.OpenHandle(newest.FullName);
            RandomAccess.Read(handle, one, newest.Length - 1);
        }

        return clock.Elapsed.TotalMilliseconds;
    }

    private static bool TryDropCaches()
    {
        try
        {
            File.WriteAllText(DropCaches, "3");
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
