using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>
/// The calls of one activation that have no answer yet, so that they can be answered when time runs out or the silo
/// dies, whatever the activation is doing. Used from any thread.
/// </summary>
internal sealed class UnansweredCalls
{
    private readonly Lock _lock = new();
    private GrainCall? _first;
    private bool _dead;

    public bool IsEmpty => Volatile.Read(ref _first) is null;

    /// <summary>False if the activation's silo died: the call has been failed.</summary>
    public bool TryAdd(GrainCall call)
    {
        lock (_lock)
        {
            if (!_dead)
            {
                call.IsUnanswered = true;
                call.PreviousUnanswered = null;
                call.NextUnanswered = _first;
                if (_first is not null)
                {
                    _first.PreviousUnanswered = call;
                }

                _first = call;
                return true;
            }
        }

        call.Fail(Dead(call));
        return false;
    }

    public void Remove(GrainCall call)
    {
        lock (_lock)
        {
            if (call.IsUnanswered)
            {
                Unlink(call);
            }
        }
    }

    /// <summary>Fails the calls whose time is over. True if others remain.</summary>
    public bool TimeOut(long now, Func<GrainCall, TimeSpan> timeoutOf)
    {
        List<GrainCall>? late = null;
        bool remain;
        lock (_lock)
        {
            for (var call = _first; call is not null; call = call.NextUnanswered)
            {
                if (call.Deadline <= now)
                {
                    (late ??= []).Add(call);
                }
            }

            late?.ForEach(Unlink);
            remain = _first is not null;
        }

        late?.ForEach(call => call.TimeOut(timeoutOf(call)));
        return remain;
    }

    /// <summary>Fails all calls, and those yet to come.</summary>
    public void Die()
    {
        List<GrainCall> calls = [];
        lock (_lock)
        {
            _dead = true;
            for (var call = _first; call is not null; call = call.NextUnanswered)
            {
                calls.Add(call);
            }

            calls.ForEach(Unlink);
        }

        calls.ForEach(call => call.Fail(Dead(call)));
    }

    private static SiloUnavailableException Dead(GrainCall call) => new(
        $"The silo of {call.Reference?.GrainId} died before it answered {call.Method}.");

    private void Unlink(GrainCall call)
    {
        if (call.PreviousUnanswered is { } previous)
        {
            previous.NextUnanswered = call.NextUnanswered;
        }
        else
        {
            _first = call.NextUnanswered;
        }

        if (call.NextUnanswered is { } next)
        {
            next.PreviousUnanswered = call.PreviousUnanswered;
        }

        call.IsUnanswered = false;
        call.NextUnanswered = null;
        call.PreviousUnanswered = null;
    }
}
