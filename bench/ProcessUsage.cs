using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Orleans.Kafka.Bench;

/// <summary>What a process has used so far.</summary>
internal static partial class ProcessUsage
{
    /// <summary>
    /// Processor seconds of all its threads, user and kernel, to the nanosecond where the system tells.
    /// </summary>
    public static double ProcessorSeconds(int processId)
    {
        if (GetCpuClock(processId, out var clock) == 0 && GetTime(clock, out var time) == 0)
        {
            return time.Seconds + (time.Nanoseconds / 1e9);
        }

        return Process.GetProcessById(processId).TotalProcessorTime.TotalSeconds;
    }

    /// <summary>Resident memory in bytes (VmRSS).</summary>
    public static long ResidentBytes(int processId) => ReadKilobytes($"/proc/{processId}/status", "VmRSS:") * 1024;

    /// <summary>Bytes in the page cache that the disk does not have yet.</summary>
    public static long DirtyBytes() =>
        (ReadKilobytes("/proc/meminfo", "Dirty:") + ReadKilobytes("/proc/meminfo", "Writeback:")) * 1024;

    private static long ReadKilobytes(string file, string name)
    {
        var line = File.ReadLines(file).First(line => line.StartsWith(name, StringComparison.Ordinal));
        var number = line[name.Length..].Trim().Split(' ')[0];
        return long.Parse(number, CultureInfo.InvariantCulture);
    }

    [LibraryImport("libc", EntryPoint = "clock_getcpuclockid")]
    private static partial int GetCpuClock(int processId, out int clock);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
