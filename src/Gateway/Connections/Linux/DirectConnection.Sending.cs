using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Gateway.Connections.Linux;

/// <summary>The sending side of a direct connection. Runs on whichever thread has the sending right.</summary>
internal sealed unsafe partial class DirectConnection
{
    /// <summary>What one connection may send at a stretch before others have their turn.</summary>
    private const long SendBudget = 4 * 1024 * 1024;

    private const int ScratchBytes = 64 * 1024;

    /// <summary>Bytes of a file range that one call sends.</summary>
    private const int FileChunk = 1024 * 1024;

    [ThreadStatic]
    private static byte[]? _scratch;

    private int _sendBlocked;
    private int _sendMore;
    private bool _lastSendWasShort;

    protected override bool IsSendBlocked => Volatile.Read(ref _sendBlocked) != 0;

    /// <summary>True on event loop threads: many connections would wait with this one.</summary>
    private static bool MustNotWait => ConnectionTurn.Current is not null && Native.CanReadCached;

    protected override bool SendReady()
    {
        byte[] buffer = _scratch ??= GC.AllocateUninitializedArray<byte>(ScratchBytes, pinned: true);
        byte* start = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(buffer, 0);
        for (long limit = SentBytes + SendBudget; CloseReason == CloseReason.None;)
        {
            if (SentBytes > limit)
            {
                Interlocked.Exchange(ref _sendMore, 1);
                WakeOwner();
                return true;
            }

            GatherStop stop = Gather(buffer, out int filled, out ResponsePiece piece);
            if (stop == GatherStop.Cold || (stop == GatherStop.File && IsCold(piece)))
            {
                SendColdElsewhere();
                return false;
            }

            bool went;
            if (filled > 0)
            {
                went = Send(start, filled, stop == GatherStop.More ? Native.MoreFollows : 0);
            }
            else if (stop == GatherStop.Memory)
            {
                fixed (byte* memory = piece.Memory)
                {
                    went = Send(memory, piece.Length, 0);
                }
            }
            else if (stop == GatherStop.File)
            {
                went = SendFile(piece, buffer, start);
            }
            else
            {
                AdvanceSent(0);
                return true;
            }

            if (!went)
            {
                return true;
            }
        }

        return true;
    }

    protected override RangeRead ReadRange(IFile file, long position, Span<byte> target)
    {
        if (!MustNotWait || file.Handle is not { } handle)
        {
            return base.ReadRange(file, position, target);
        }

        nint read;
        bool added = false;
        try
        {
            handle.DangerousAddRef(ref added);
            fixed (byte* bytes = target)
            {
                read = Native.ReadCached((int)handle.DangerousGetHandle(), bytes, target.Length, position);
            }
        }
        catch (ObjectDisposedException)
        {
            return base.ReadRange(file, position, target);
        }
        finally
        {
            if (added)
            {
                handle.DangerousRelease();
            }
        }

        if (read == target.Length)
        {
            return RangeRead.Whole;
        }

        // Less than all: some of it is on disk, or not there at all; the thread that may wait finds out.
        return read >= 0 || Native.LastError == Native.Again
            ? RangeRead.Cold
            : base.ReadRange(file, position, target);
    }

    /// <summary>Looks whether the last byte of what would be sent next is in memory.</summary>
    private bool IsCold(in ResponsePiece piece)
    {
        if (!MustNotWait || piece.File!.Handle is null)
        {
            return false;
        }

        Span<byte> probe = stackalloc byte[1];
        int count = Math.Min(piece.Length, FileChunk);
        return ReadRange(piece.File, piece.Position + count - 1, probe) == RangeRead.Cold;
    }

    /// <summary>Goes on sending on a thread that may wait for the disk, and that has the right from here on.</summary>
    private void SendColdElsewhere() => ThreadPool.UnsafeQueueUserWorkItem(
        static connection => connection.RunSending(), this, preferLocal: false);

    /// <summary>False when nothing more can be sent now.</summary>
    private bool Send(byte* bytes, int count, int flags)
    {
        bool flagged = ExpectFull();
        while (true)
        {
            nint sent = Native.Send(_socket, bytes, count, flags | Native.NoSignal);
            if (sent >= 0)
            {
                NoteSent(sent, count, flagged);
                return true;
            }

            if (!RetrySend(ref flagged))
            {
                return false;
            }
        }
    }

    /// <summary>
    /// A send that took less than it was given has most likely filled the socket: raise the flag before the next one,
    /// so that it need not be tried twice.
    /// </summary>
    private bool ExpectFull()
    {
        bool expected = _lastSendWasShort;
        _lastSendWasShort = false;
        if (expected)
        {
            Interlocked.Exchange(ref _sendBlocked, 1);
        }

        return expected;
    }

    private void NoteSent(nint sent, int asked, bool flagged)
    {
        if (flagged)
        {
            Interlocked.Exchange(ref _sendBlocked, 0);
        }

        _lastSendWasShort = sent < asked;
        AdvanceSent(sent);
    }

    /// <summary>
    /// After a send that did not go: true to try again. A full socket is tried again once the flag is raised that the
    /// loop looks at when the socket has room: else that moment could fall between the send and the flag.
    /// </summary>
    private bool RetrySend(ref bool flagged)
    {
        int error = Native.LastError;
        if (error == Native.Interrupted)
        {
            return true;
        }

        if (error != Native.Again)
        {
            RequestClose(CloseReason.ConnectionLost, $"send error {error}");
            return false;
        }

        if (flagged)
        {
            return false;
        }

        flagged = true;
        Interlocked.Exchange(ref _sendBlocked, 1);
        return true;
    }

    private bool SendFile(in ResponsePiece piece, byte[] buffer, byte* start)
    {
        SafeFileHandle? handle = piece.File!.Handle;
        if (handle is null)
        {
            int count = Math.Min(piece.Length, ScratchBytes);
            return TryRead(piece.File, piece.Position, buffer.AsSpan(0, count))
                && Send(start, count, count < piece.Length ? Native.MoreFollows : 0);
        }

        bool added = false;
        try
        {
            handle.DangerousAddRef(ref added);
            return SendFile((int)handle.DangerousGetHandle(), piece.Position, Math.Min(piece.Length, FileChunk));
        }
        catch (ObjectDisposedException)
        {
            RequestClose(CloseReason.ReadFailed, "the file was closed");
            return false;
        }
        finally
        {
            if (added)
            {
                handle.DangerousRelease();
            }
        }
    }

    private bool SendFile(int file, long position, int count)
    {
        bool flagged = ExpectFull();
        while (true)
        {
            long offset = position;
            nint sent = Native.SendFile(_socket, file, &offset, count);
            if (sent > 0)
            {
                NoteSent(sent, count, flagged);
                return true;
            }

            if (sent == 0)
            {
                RequestClose(CloseReason.ReadFailed, "the file is shorter than promised");
                return false;
            }

            if (!RetrySend(ref flagged))
            {
                return false;
            }
        }
    }
}
