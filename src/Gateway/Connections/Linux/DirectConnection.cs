using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Gateway.Connections.Linux;

/// <summary>
/// A connection that reads from and writes to its socket itself: one receive into the turn's memory, one send of
/// all answers that are ready, <c>sendfile</c> for file ranges.
/// </summary>
internal sealed unsafe class DirectConnection : KafkaConnection, IEventTarget
{
    /// <summary>What one connection may receive in a turn before others have theirs.</summary>
    private const int ReceiveBudget = 1024 * 1024;

    /// <summary>What one connection may send at a stretch before others have their turn.</summary>
    private const long SendBudget = 4 * 1024 * 1024;

    private const int ScratchBytes = 64 * 1024;

    /// <summary>Bytes of a file range that one call sends.</summary>
    private const int FileChunk = 1024 * 1024;

    [ThreadStatic]
    private static byte[]? _scratch;

    private readonly EventLoop _loop;
    private readonly int _socket;
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _slot;
    private bool _readable;
    private bool _ended;
    private bool _finishedClosing;
    private int _sendBlocked;
    private int _resume;
    private int _sendMore;
    private int _isPosted;

    public DirectConnection(ConnectionServices services, EventLoop loop, int socket, ConnectionInfo info)
        : base(services, loop.Turn, info)
    {
        _loop = loop;
        _socket = socket;
    }

    /// <summary>Completes when the connection is closed and its descriptor is gone.</summary>
    public Task Finished => _finished.Task;

    protected override bool IsSendBlocked => Volatile.Read(ref _sendBlocked) != 0;

    /// <summary>Begins to serve. Call once.</summary>
    public void Start()
    {
        CloseReason refused = Services.Registry.TryAdd(this);
        if (refused != CloseReason.None)
        {
            // Whoever asks to close later finds it done: the descriptor's number may be another's by then.
            _finishedClosing = true;
            Native.Close(_socket);
            LogClosed(refused, null);
            _finished.SetResult();
            return;
        }

        // The slot must be known before the first event: the loop's thread does both.
        _loop.Post(new Starter(this));
    }

    void IEventTarget.OnReady(int events)
    {
        if (_finishedClosing)
        {
            return;
        }

        if ((events & Native.EpollOut) != 0 && Interlocked.Exchange(ref _sendBlocked, 0) != 0)
        {
            Flush();
        }

        _ended |= (events & (Native.EpollRdHup | Native.EpollHup | Native.EpollErr)) != 0;
        _readable |= events == 0 || _ended || (events & Native.EpollIn) != 0;
        if (IsDeaf)
        {
            if (_ended)
            {
                RequestClose(CloseReason.ClosedByPeer);
            }
        }
        else if (_readable && !IsPaused)
        {
            ReceiveAndHandle();
        }
    }

    void IEventTarget.OnPosted()
    {
        Interlocked.Exchange(ref _isPosted, 0);
        if (_finishedClosing)
        {
            return;
        }

        if (CloseReason != CloseReason.None)
        {
            FinishClosing();
            return;
        }

        if (Interlocked.Exchange(ref _resume, 0) != 0)
        {
            OnResumed();
        }

        if (Interlocked.Exchange(ref _sendMore, 0) != 0)
        {
            Flush();
        }

        if (IsDraining)
        {
            CloseWhenDrained();
        }
    }

    public override void OnResumed()
    {
        if (_finishedClosing)
        {
            return;
        }

        Receiver.Restore(Turn);
        HandleFrames();
        Receiver.Park(Turn);
        if (_readable && !IsPaused)
        {
            _loop.ReadAgain(this);
        }
    }

    protected override void WakeOwner()
    {
        if (Interlocked.Exchange(ref _isPosted, 1) == 0)
        {
            _loop.Post(this);
        }
    }

    protected override void WakeToResume()
    {
        Interlocked.Exchange(ref _resume, 1);
        WakeOwner();
    }

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

    /// <summary>False when nothing more can be sent now.</summary>
    private bool Send(byte* bytes, int count, int flags)
    {
        bool retried = false;
        while (true)
        {
            nint sent = Native.Send(_socket, bytes, count, flags | Native.NoSignal);
            if (sent >= 0)
            {
                if (retried)
                {
                    Interlocked.Exchange(ref _sendBlocked, 0);
                }

                AdvanceSent(sent);
                return true;
            }

            if (!RetrySend(ref retried))
            {
                return false;
            }
        }
    }

    /// <summary>
    /// After a send that did not go: true to try again. A full socket is tried twice, the second time with the flag
    /// set that the loop looks at, so that the edge between the two calls is not lost.
    /// </summary>
    private bool RetrySend(ref bool retried)
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

        if (retried)
        {
            return false;
        }

        retried = true;
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
        bool retried = false;
        while (true)
        {
            long offset = position;
            nint sent = Native.SendFile(_socket, file, &offset, count);
            if (sent > 0)
            {
                if (retried)
                {
                    Interlocked.Exchange(ref _sendBlocked, 0);
                }

                AdvanceSent(sent);
                return true;
            }

            if (sent == 0)
            {
                RequestClose(CloseReason.ReadFailed, "the file is shorter than promised");
                return false;
            }

            if (!RetrySend(ref retried))
            {
                return false;
            }
        }
    }

    private void ReceiveAndHandle()
    {
        int budget = ReceiveBudget;
        while (true)
        {
            ArraySegment<byte> memory = Receiver.Prepare(Turn);
            int received = Receive(memory);
            if (received <= 0)
            {
                break;
            }

            Receiver.Commit(Turn, received);
            HandleFrames();
            if (IsDeaf)
            {
                _readable = false;
                break;
            }

            if (IsPaused)
            {
                break;
            }

            if (received < memory.Count && !_ended)
            {
                _readable = false;
                break;
            }

            budget -= received;
            if (budget <= 0)
            {
                _loop.ReadAgain(this);
                break;
            }
        }

        Receiver.Park(Turn);
        CheckMemory();
    }

    /// <summary>Bytes received; 0 when there are none for now or the connection is at its end.</summary>
    private int Receive(ArraySegment<byte> memory)
    {
        byte* target = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(memory.Array!, memory.Offset);
        while (true)
        {
            nint received = Native.Receive(_socket, target, memory.Count, 0);
            if (received > 0)
            {
                return (int)received;
            }

            int error = received == 0 ? 0 : Native.LastError;
            if (error == Native.Interrupted)
            {
                continue;
            }

            _readable = false;
            if (received == 0)
            {
                RequestClose(CloseReason.ClosedByPeer);
            }
            else if (error != Native.Again)
            {
                RequestClose(CloseReason.ConnectionLost, $"receive error {error}");
            }

            return 0;
        }
    }

    private void CheckMemory()
    {
        if (Receiver.HasBlocks && Turn.Pool.RentedBytes > Services.Limits.MaxReceiveMemoryBytes)
        {
            RequestClose(CloseReason.ReceiveMemoryExhausted);
        }
    }

    private void FinishClosing()
    {
        if (!TryShutSending())
        {
            return;
        }

        _finishedClosing = true;
        _loop.Remove(_slot, _socket);
        Native.Close(_socket);
        Finish();
        _finished.TrySetResult();
    }

    private void Begin()
    {
        _slot = _loop.Add(_socket, this, edge: true);
        if (CloseReason != CloseReason.None)
        {
            FinishClosing();
        }
    }

    private sealed class Starter(DirectConnection connection) : IEventTarget
    {
        public void OnReady(int events)
        {
        }

        public void OnPosted() => connection.Begin();
    }
}
