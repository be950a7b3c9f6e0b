using System.Runtime.InteropServices;

namespace Orleans.Kafka.Storage;

/// <summary>
/// How the handles that a process may have are shared out: some for the runtime and for files that are opened for a
/// moment, a third of the others for files of segments, the rest for connections: a file that is closed costs the next
/// reader some microseconds, a connection that is refused costs its client everything. So neither many partitions nor many
/// clients take the last handle from the other.
/// </summary>
/// <param name="Files">Files of segments to keep open (<see cref="OpenFileCache"/>).</param>
/// <param name="Connections">Connections to take at the same time.</param>
public readonly partial record struct HandleBudget(int Files, int Connections)
{
    /// <summary>
    /// More would gain nothing: every open index may keep a part of itself in memory, and what opening costs is little.
    /// </summary>
    private const int FilesMax = 16_384;

    private const int FilesMin = 16;
    private const int ConnectionsMin = 16;

    /// <summary>
    /// What is neither a segment nor a connection: the runtime and its libraries (some 150), event loops, directories
    /// and checkpoints while they are written, logs that are being opened.
    /// </summary>
    private const int Others = 256;

    private static readonly Lazy<HandleBudget> Process = new(static () => Of(LimitOfProcess()));

    /// <summary>The budget of this process, from its limit (<c>ulimit -n</c>) as it was when first asked for.</summary>
    public static HandleBudget OfProcess => Process.Value;

    /// <summary>Shares out a limit.</summary>
    /// <param name="limit">Handles that the process may have; null for no limit to speak of.</param>
    /// <param name="files">Files to keep open, where that is decided already; 0 where it is not.</param>
    public static HandleBudget Of(long? limit, int files = 0)
    {
        if (limit is not { } most || most > int.MaxValue)
        {
            return new HandleBudget(files > 0 ? files : FilesMax, int.MaxValue);
        }

        var shared = (int)Math.Max(0, most - Others);
        files = files > 0 ? files : Math.Clamp((int)(shared / 3 * 8L / 9), FilesMin, FilesMax);
        return new HandleBudget(files, Math.Max(ConnectionsMin, shared - MostOf(files)));
    }

    /// <summary>Shares out the limit of this process, with so many files; 0 to decide that as well.</summary>
    public static HandleBudget OfProcessWith(int files) => files > 0 ? Of(LimitOfProcess(), files) : OfProcess;

    /// <summary>So many files may be open for a while where <paramref name="files"/> are to be kept open.</summary>
    internal static int MostOf(int files) => (int)Math.Min(int.MaxValue, files + (files / 8L));

    /// <summary>
    /// The soft limit. The runtime has raised it to the hard one before any code of ours runs. Null where there is none
    /// (Windows: sixteen million for a process).
    /// </summary>
    private static long? LimitOfProcess()
    {
        if (OperatingSystem.IsWindows() || !Environment.Is64BitProcess)
        {
            return null;
        }

        var resource = OperatingSystem.IsLinux() ? NativeMethods.OpenFilesOnLinux : NativeMethods.OpenFilesOnBsd;
        return NativeMethods.GetLimit(resource, out var limit) == 0 && limit.Soft <= long.MaxValue
            ? (long)limit.Soft
            : null;
    }

    private static partial class NativeMethods
    {
        /// <summary>RLIMIT_NOFILE on Linux.</summary>
        internal const int OpenFilesOnLinux = 7;

        /// <summary>RLIMIT_NOFILE on macOS and the BSDs.</summary>
        internal const int OpenFilesOnBsd = 8;

        [LibraryImport("libc", EntryPoint = "getrlimit")]
        internal static partial int GetLimit(int resource, out Limit limit);

        [StructLayout(LayoutKind.Sequential)]
        internal readonly struct Limit
        {
            public readonly ulong Soft;
            public readonly ulong Hard;
        }
    }
}
