using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Orleans.Kafka.Bench;

/// <summary>Facts about the machine that the figures hold for.</summary>
internal static partial class Machine
{
    private const int DoNotNeed = 4;
    private const long QuietDirtyBytes = 400L << 20;

    /// <summary>
    /// Server on core 1, driver on core 0; with one core, or without taskset, they share what there is.
    /// </summary>
    public static bool CanPin { get; } = Environment.ProcessorCount > 1 && NativeTools.IsOnPath("taskset");

    public static string Describe()
    {
        var model = ReadLines("/proc/cpuinfo")
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim();
        var load = ReadLines("/proc/loadavg").FirstOrDefault()?.Split(' ')[0];
        var pinned = CanPin ? "server on core 1, driver on core 0" : "not pinned";
        return $"{model ?? "unknown processor"}, {Environment.ProcessorCount} cores, "
            + $"{Environment.OSVersion.VersionString}, .NET {Environment.Version}, load {load}, {pinned}";
    }

    /// <summary>
    /// Lets the kernel write back what an earlier run left, so that it does not throttle the next one.
    /// </summary>
    public static void WaitForQuietDisk()
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed.TotalSeconds < 3 && ProcessUsage.DirtyBytes() > QuietDirtyBytes)
        {
            Thread.Sleep(20);
        }
    }

    /// <summary>
    /// Has the disk take everything, so that no flush of the next measurement pays for what the last one left: bytes to
    /// write, and files to take off the disk.
    /// </summary>
    public static void SettleDisk()
    {
        for (var pass = 0; pass < 2; pass++)
        {
            Sync();
            Thread.Sleep(100);
        }
    }

    /// <summary>Takes a file that is on disk out of the page cache.</summary>
    public static void ForgetPages(string file)
    {
        using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        _ = Advise(handle, 0, 0, DoNotNeed);
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeHandle handle, long position, long length, int advice);

    [LibraryImport("libc", EntryPoint = "sync")]
    private static partial void Sync();

    /// <summary>Waits until a process has nothing left to do (compiling, collecting), at most some seconds.</summary>
    public static void WaitForQuietProcess(int processId)
    {
        if (processId == 0)
        {
            return;
        }

        var clock = Stopwatch.StartNew();
        var before = ProcessUsage.ProcessorSeconds(processId);
        while (clock.Elapsed.TotalSeconds < 5)
        {
            Thread.Sleep(300);
            var now = ProcessUsage.ProcessorSeconds(processId);
            if (now - before < 0.003)
            {
                return;
            }

            before = now;
        }
    }

    private static IEnumerable<string> ReadLines(string file) => File.Exists(file) ? File.ReadLines(file) : [];
}
