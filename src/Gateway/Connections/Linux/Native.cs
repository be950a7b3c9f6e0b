using System.Runtime.InteropServices;

namespace Orleans.Kafka.Gateway.Connections.Linux;

/// <summary>The few system calls the event loop lives on.</summary>
internal static unsafe partial class Native
{
    public const int EpollIn = 0x001;
    public const int EpollOut = 0x004;
    public const int EpollErr = 0x008;
    public const int EpollHup = 0x010;
    public const int EpollRdHup = 0x2000;
    public const uint EpollEdge = 1u << 31;

    public const int EpollAdd = 1;
    public const int EpollRemove = 2;

    public const int NoSignal = 0x4000;
    public const int MoreFollows = 0x8000;

    public const int Interrupted = 4;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int TooManyOpenFilesInSystem = 23;
    public const int TooManyOpenFiles = 24;

    private const int NoWait = 0x8;

    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;

    /// <summary>False where the C library has no <c>preadv2</c>.</summary>
    public static bool CanReadCached { get; } = HasReadCached();

    public static int LastError => Marshal.GetLastPInvokeError();

    public static int CreateEpoll() => epoll_create1(CloseOnExec);

    public static int CreateEvent() => eventfd(0, CloseOnExec | NonBlocking);

    /// <summary>Accepts a connection, already non-blocking.</summary>
    public static int Accept(int socket, byte* address, int* length) =>
        accept4(socket, address, length, CloseOnExec | NonBlocking);

    /// <summary>Reads what is in the page cache; -1 with <see cref="Again"/> where the disk would be needed.</summary>
    public static nint ReadCached(int file, byte* buffer, nint length, long position)
    {
        var part = new IoVector { Base = buffer, Length = length };
        return preadv2(file, &part, 1, position, NoWait);
    }

    private static bool HasReadCached()
    {
        try
        {
            preadv2(-1, null, 0, 0, NoWait);
            return true;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int epoll, int operation, int file, byte* @event);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(int epoll, byte* events, int capacity, int milliseconds);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int socket, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(int socket, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendfile", SetLastError = true)]
    public static partial nint SendFile(int socket, int file, long* offset, nint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int file, byte* buffer, nint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint preadv2(int file, IoVector* parts, int count, long position, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int accept4(int socket, byte* address, int* length, int flags);

    private struct IoVector
    {
        public byte* Base;
        public nint Length;
    }
}
