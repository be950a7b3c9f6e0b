namespace Orleans.Kafka.Grains.Replication;

/// <summary>Something that must happen at the latest at a given time. Belongs to at most one wheel at a time.</summary>
public abstract class Deadline
{
    internal Deadline? Previous;
    internal Deadline? Next;
    internal long DueTick;
    internal bool IsArmed;

    /// <summary>Called once on a pool thread when the time has come, unless disarmed before. Must not block.</summary>
    protected internal abstract void OnDeadline();
}

/// <summary>
/// One coarse timer for all waits of a broker. Arming and disarming are a few pointer writes under a lock that is
/// never held across anything else; the underlying timer is set to the next deadline and not to every tick, so that
/// waiting costs nothing. A deadline is met up to two ticks late, never early.
/// </summary>
/// <param name="clock">The time source; tests inject their own.</param>
public sealed class DeadlineWheel(TimeProvider clock) : IDisposable
{
    /// <summary>The wheel's resolution: half of what a client would notice on its shortest usual wait of 10 ms.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5);

    /// <summary>512 ticks are 2.56 s: longer than the usual wait of 500 ms; a longer one just passes by more than once.</summary>
    private const int SlotCount = 512;

    private const long Never = long.MaxValue;

    /// <summary>Timers count in milliseconds: a shorter delay would fire at once, again and again.</summary>
    private static readonly TimeSpan ShortestDelay = TimeSpan.FromMilliseconds(1);

    private readonly Lock _lock = new();
    private readonly Deadline?[] _slots = new Deadline?[SlotCount];
    private readonly long _start = clock.GetTimestamp();
    private ITimer? _timer;
    private long _currentTick;
    private long _timerTick = Never;
    private int _armed;

    /// <summary>How many deadlines are armed.</summary>
    public int Count => Volatile.Read(ref _armed);

    /// <summary>Arms a deadline that is not armed.</summary>
    public void Arm(Deadline deadline, TimeSpan delay)
    {
        lock (_lock)
        {
            long now = NowTick();
            if (_armed == 0)
            {
                _currentTick = now;
            }

            long ticks = Math.Max(1, ((delay.Ticks + Tick.Ticks - 1) / Tick.Ticks) + 1);
            deadline.DueTick = Math.Max(_currentTick, now) + ticks;
            deadline.IsArmed = true;
            Link(deadline);
            _armed++;
            if (deadline.DueTick < _timerTick)
            {
                SetTimer(deadline.DueTick);
            }
        }
    }

    /// <summary>Disarms a deadline. False when it was not armed: it was met already, or never set.</summary>
    public bool Disarm(Deadline deadline)
    {
        lock (_lock)
        {
            if (!deadline.IsArmed)
            {
                return false;
            }

            Unlink(deadline);
            return true;
        }
    }

    /// <summary>Stops the timer. What is armed stays unmet.</summary>
    public void Dispose() => _timer?.Dispose();

    private long NowTick() => clock.GetElapsedTime(_start).Ticks / Tick.Ticks;

    private void OnTick()
    {
        Deadline? due = null;
        lock (_lock)
        {
            long now = NowTick();
            long last = Math.Min(now, _currentTick + SlotCount);
            while (_currentTick < last)
            {
                _currentTick++;
                CollectDue(ref _slots[_currentTick % SlotCount], now, ref due);
            }

            _currentTick = Math.Max(_currentTick, now);
            _timerTick = Never;
            if (_armed > 0)
            {
                SetTimer(NextOccupiedTick());
            }
        }

        while (due is not null)
        {
            Deadline met = due;
            due = met.Next;
            met.Next = null;
            met.OnDeadline();
        }
    }

    private void SetTimer(long tick)
    {
        _timerTick = tick;
        _timer ??= clock.CreateTimer(
            static state => ((DeadlineWheel)state!).OnTick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        TimeSpan delay = (tick * Tick) - clock.GetElapsedTime(_start);
        _timer.Change(delay > ShortestDelay ? delay : ShortestDelay, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The next tick with something in its slot, be it due on a later pass.</summary>
    private long NextOccupiedTick()
    {
        long tick = _currentTick + 1;
        while (_slots[tick % SlotCount] is null)
        {
            tick++;
        }

        return tick;
    }

    private void CollectDue(ref Deadline? slot, long now, ref Deadline? due)
    {
        for (Deadline? deadline = slot; deadline is not null;)
        {
            Deadline? following = deadline.Next;
            if (deadline.DueTick <= now)
            {
                Unlink(deadline);
                deadline.Next = due;
                due = deadline;
            }

            deadline = following;
        }
    }

    private void Link(Deadline deadline)
    {
        ref Deadline? slot = ref _slots[deadline.DueTick % SlotCount];
        deadline.Previous = null;
        deadline.Next = slot;
        if (slot is not null)
        {
            slot.Previous = deadline;
        }

        slot = deadline;
    }

    private void Unlink(Deadline deadline)
    {
        if (deadline.Previous is not null)
        {
            deadline.Previous.Next = deadline.Next;
        }
        else
        {
            _slots[deadline.DueTick % SlotCount] = deadline.Next;
        }

        if (deadline.Next is not null)
        {
            deadline.Next.Previous = deadline.Previous;
        }

        deadline.Previous = null;
        deadline.Next = null;
        deadline.IsArmed = false;
        _armed--;
    }
}
