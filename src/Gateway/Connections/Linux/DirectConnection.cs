using System.Runtime.InteropServices;

namespace Orleans.Kafka.Gateway.Connections.Linux;

/// <summary>
/// A connection that reads from and writes to its socket itself: one receive into the turn's memory, one send of
/// all answers that are ready, <c>sendfile</c> for file ranges.
/// </summary>
internal sealed unsafe partial class DirectConnection : KafkaConnection, IEventTarget
{
    /// <summary>What one connection may receive in a turn before others have theirs.</summary>
    private const int ReceiveBudget = 1024 * 1024;

    private readonly EventLoop _loop;
    private readonly int _socket;
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _slot;
    private bool _readable;
    private bool _ended;
    private bool _finishedClosing;
    private int _resume;
    private int _isPosted;

    public DirectConnection(ConnectionServices services, EventLoop loop, int socket, ConnectionInfo info)
        : base(services, loop.Turn, info)
    {
        _loop = loop;
        _socket = socket;
    }

    /// <summary>Completes when the connection is closed and its descriptor is gone.</summary>
    public Task Finished => _finished.Task;

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
                // The peer has shut its sending side and may still read: what it asked before is answered.
                Turn.RunWork();
                Flush();
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
