using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Orleans.Kafka.Gateway.Connections.Linux;

/// <summary>What an event loop calls. Always on the loop's thread.</summary>
internal interface IEventTarget
{
    /// <summary>Something happened on the descriptor; edges, not levels.</summary>
    void OnReady(int events);

    /// <summary>Somebody posted the target.</summary>
    void OnPosted();
}

/// <summary>
/// One thread, one epoll set, many connections. Everything that was ready in one wait is one turn: requests of all
/// those connections are handled, then what they share (an append) is done once, then each connection sends once.
/// An idle connection costs an entry in a table; nothing runs while nothing happens.
/// </summary>
internal sealed unsafe class EventLoop : IDisposable
{
    private const int EventCapacity = 256;
    private const int WakeSlot = -1;

    /// <summary>A turn that holds more than this much input (8 MiB) ends early: it would only wait in memory.</summary>
    private const int MaxBlocksPerTurn = 64;

    /// <summary>struct epoll_event is packed on x86-64 only.</summary>
    private static readonly int EventBytes = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static readonly int DataOffset = EventBytes - sizeof(long);

    private readonly ILogger _logger;
    private readonly Thread _thread;
    private readonly int _epoll;
    private readonly int _wakeEvent;
    private readonly ConcurrentQueue<IEventTarget> _posted = new();
    private readonly Lock _lock = new();
    private readonly Stack<int> _freeSlots = new();
    private readonly List<IEventTarget> _again = [];
    private readonly List<IEventTarget> _againNow = [];
    private Slot[] _slots = new Slot[64];
    private int _usedSlots;
    private int _wakePending;
    private bool _closed;
    private volatile bool _stopping;

    public EventLoop(int index, ReceiveBlockPool pool, ILogger logger)
    {
        _logger = logger;
        Turn = new ConnectionTurn(pool, logger);
        _epoll = Native.CreateEpoll();
        _wakeEvent = Native.CreateEvent();
        if (_epoll < 0 || _wakeEvent < 0)
        {
            throw new IOException($"No event loop: error {Native.LastError}.");
        }

        Control(Native.EpollAdd, _wakeEvent, Native.EpollIn | Native.EpollEdge, Pack(WakeSlot, 0));
        _thread = new Thread(Run) { IsBackground = true, Name = $"kafka-io-{index}" };
        _thread.UnsafeStart();
    }

    /// <summary>The turn of this loop's thread.</summary>
    public ConnectionTurn Turn { get; }

    public bool IsLoopThread => Thread.CurrentThread == _thread;

    /// <summary>Watches a descriptor; returns the slot to give to <see cref="Remove"/>. Any thread.</summary>
    public int Add(int file, IEventTarget target, bool edge)
    {
        int slot;
        uint generation;
        lock (_lock)
        {
            if (!_freeSlots.TryPop(out slot))
            {
                slot = _usedSlots++;
                if (slot == _slots.Length)
                {
                    Array.Resize(ref _slots, slot * 2);
                }
            }

            _slots[slot].Target = target;
            generation = ++_slots[slot].Generation;
        }

        uint events = edge
            ? Native.EpollIn | Native.EpollOut | Native.EpollRdHup | Native.EpollEdge
            : Native.EpollIn;
        Control(Native.EpollAdd, file, events, Pack(slot, generation));
        return slot;
    }

    /// <summary>Forgets a descriptor. Events of it that were fetched already are dropped.</summary>
    public void Remove(int slot, int file)
    {
        lock (_lock)
        {
            if (!_closed)
            {
                Native.EpollControl(_epoll, Native.EpollRemove, file, null);
            }

            _slots[slot].Target = null;
            _slots[slot].Generation++;
            _freeSlots.Push(slot);
        }
    }

    /// <summary>Has the loop's thread call <see cref="IEventTarget.OnPosted"/>. Any thread.</summary>
    public void Post(IEventTarget target)
    {
        _posted.Enqueue(target);
        if (Interlocked.Exchange(ref _wakePending, 1) == 0 && !IsLoopThread)
        {
            Wake();
        }
    }

    /// <summary>Has <see cref="IEventTarget.OnReady"/> called again in the next turn. Loop thread only.</summary>
    public void ReadAgain(IEventTarget target) => _again.Add(target);

    public void Dispose()
    {
        _stopping = true;
        Wake();
        if (!IsLoopThread)
        {
            _thread.Join();
        }
    }

    private static long Pack(int slot, uint generation) => ((long)generation << 32) | (uint)slot;

    /// <summary>Under the lock: a late caller must not write to a descriptor that is another's by now.</summary>
    private void Wake()
    {
        long one = 1;
        lock (_lock)
        {
            if (!_closed)
            {
                Native.Write(_wakeEvent, (byte*)&one, sizeof(long));
            }
        }
    }

    private void Control(int operation, int file, uint events, long data)
    {
        byte* entry = stackalloc byte[EventBytes];
        *(uint*)entry = events;
        *(long*)(entry + DataOffset) = data;
        if (Native.EpollControl(_epoll, operation, file, entry) < 0)
        {
            throw new IOException($"epoll_ctl failed with error {Native.LastError}.");
        }
    }

    private void Run()
    {
        Turn.Enter();
        byte* events = (byte*)NativeMemory.Alloc((nuint)(EventCapacity * EventBytes));
        while (!_stopping)
        {
            bool busy = _again.Count > 0 || !_posted.IsEmpty;
            int count = Native.EpollWait(_epoll, events, EventCapacity, busy ? 0 : -1);
            for (int i = 0; i < count; i++)
            {
                byte* entry = events + (i * EventBytes);
                Deliver(*(int*)entry, *(long*)(entry + DataOffset));
                if (Turn.HeldBlocks >= MaxBlocksPerTurn)
                {
                    EndTurn();
                }
            }

            RunAgain();
            RunPosted();
            EndTurn();
        }

        RunPosted();
        EndTurn();
        Turn.Rest();
        NativeMemory.Free(events);
        lock (_lock)
        {
            _closed = true;
            Native.Close(_wakeEvent);
            Native.Close(_epoll);
        }
    }

    private void EndTurn()
    {
        try
        {
            Turn.End();
        }
        catch (Exception e)
        {
            ConnectionLog.ConnectionFailed(_logger, 0, e);
        }
    }

    private void Deliver(int events, long data)
    {
        int slot = (int)data;
        if (slot == WakeSlot)
        {
            return;
        }

        IEventTarget? target;
        lock (_lock)
        {
            target = _slots[slot].Generation == (uint)(data >> 32) ? _slots[slot].Target : null;
        }

        Call(target, events);
    }

    private void RunAgain()
    {
        if (_again.Count == 0)
        {
            return;
        }

        _againNow.AddRange(_again);
        _again.Clear();
        foreach (IEventTarget target in _againNow)
        {
            Call(target, 0);
        }

        _againNow.Clear();
    }

    private void RunPosted()
    {
        Interlocked.Exchange(ref _wakePending, 0);
        for (int left = _posted.Count; left > 0 && _posted.TryDequeue(out IEventTarget? target); left--)
        {
            try
            {
                target.OnPosted();
            }
            catch (Exception e)
            {
                ConnectionLog.ConnectionFailed(_logger, 0, e);
            }
        }
    }

    private void Call(IEventTarget? target, int events)
    {
        try
        {
            target?.OnReady(events);
        }
        catch (Exception e)
        {
            if (target is KafkaConnection connection)
            {
                connection.Fail(e);
            }
            else
            {
                ConnectionLog.ConnectionFailed(_logger, 0, e);
            }
        }
    }

    private struct Slot
    {
        public IEventTarget? Target;
        public uint Generation;
    }
}
