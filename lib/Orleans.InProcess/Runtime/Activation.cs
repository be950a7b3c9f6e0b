using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>
/// One activation of a grain: its queue, the rules by which calls may start, and its life. Everything without a
/// lock is touched only in its turns.
/// </summary>
internal sealed partial class Activation : IGrainContext
{
    private readonly TurnQueue _turns;
    private readonly UnansweredCalls _unanswered = new();
    private readonly WaitingCalls _waiting = new();
    private int _running;
    private int _queued;
    private GrainCall? _blocking;
    private volatile bool _attention;
    private volatile bool _killed;

    public Activation(InProcessCluster cluster, GrainClass grainClass, string key)
    {
        Cluster = cluster;
        Class = grainClass;
        Key = key;
        _turns = new TurnQueue(this, cluster.Dispatcher);
    }

    public InProcessCluster Cluster { get; }

    public GrainClass Class { get; }

    public string Key { get; }

    public GrainId GrainId => new(Class.GrainType, IdSpan.Create(Key));

    public object? GrainInstance { get; private set; }

    /// <summary>Where it lives. Known once it is placed, so before any code of the grain runs.</summary>
    public Silo Silo => PlacedOn ?? throw new InvalidOperationException($"{GrainId} is not placed yet.");

    public Silo? PlacedOn { get; private set; }

    public GrainReference GrainReference => GrainRegistry.GetInterface(Class.Interfaces[0])
        .Create(new GrainReferenceSeed(Silo, Class, Key));

    public IServiceProvider ActivationServices =>
        _scope?.ServiceProvider ?? throw new InvalidOperationException($"{GrainId} has no services yet.");

    public bool IsKilled => _killed;

    /// <summary>Takes a call, from any thread. It starts in a turn of this activation when the rules allow.</summary>
    public void Receive(GrainCall call)
    {
        call.Target = this;
        var limit = Cluster.QueueLimit;
        if (limit > 0 && !call.IsOneWay && Volatile.Read(ref _queued) >= limit)
        {
            call.Fail(new LimitExceededException($"{GrainId} has {limit} calls waiting, which is the bound."));
            return;
        }

        if (!call.IsOneWay)
        {
            if (!_unanswered.TryAdd(call))
            {
                return;
            }

            Cluster.Timeouts.Arm();
        }

        Interlocked.Increment(ref _queued);
        _turns.Enqueue(call);
    }

    /// <summary>Runs an action in a turn of this activation.</summary>
    public void Enqueue(Action action) => _turns.Enqueue(action);

    /// <summary>A turn: a call has come to the head of the queue.</summary>
    public void Accept(GrainCall call)
    {
        if (_state == ActivationState.Valid && !_isEnding && MayStart(call))
        {
            Start(call);
        }
        else
        {
            _waiting.Add(call);
            _attention |= _state == ActivationState.Ended;
        }
    }

    /// <summary>A call has run to its end.</summary>
    public void Ended(GrainCall call)
    {
        _unanswered.Remove(call);
        _running--;
        if (_blocking is null || ReferenceEquals(_blocking, call))
        {
            _blocking = null;
        }

        _attention = true;
    }

    /// <summary>After each turn: starts what the turn has made possible.</summary>
    public void AfterTurn()
    {
        while (_attention && !_killed)
        {
            _attention = false;
            if (_isInTransition)
            {
                return;
            }

            if (_state == ActivationState.Ended)
            {
                PassOnWaiting();
            }
            else if (_isEnding)
            {
                if (_running == 0)
                {
                    BeginTransition(EndAsync);
                }
            }
            else if (_state == ActivationState.Valid)
            {
                StartWaiting();
            }
        }
    }

    public bool TimeOutCalls(long now) =>
        !_unanswered.IsEmpty && _unanswered.TimeOut(now, call => call.ResponseTimeout ?? Cluster.ResponseTimeout);

    public bool Equals(IGrainContext? other) => ReferenceEquals(this, other);

    // The rules are Orleans' own, including that a second read-only call loses its protection when the first ends.
    private bool MayStart(GrainCall call) =>
        _running == 0
        || call.IsAlwaysInterleave
        || _blocking is null
        || (_blocking.IsReadOnly && call.IsReadOnly)
        || Class.IsReentrant;

    private void Start(GrainCall call)
    {
        Interlocked.Decrement(ref _queued);
        if (call.IsDone)
        {
            // The caller has given up: nobody wants the effect any more, as with an expired message.
            return;
        }

        _running++;
        if (_blocking is null && !call.IsAlwaysInterleave)
        {
            _blocking = call;
        }

        call.Begin(GrainInstance!);
    }

    private void StartWaiting()
    {
        var call = _waiting.First;
        while (call is not null && !_isEnding)
        {
            var next = call.NextWaiting;
            if (MayStart(call))
            {
                _waiting.Remove(call);
                Start(call);
                next = _waiting.First;
            }
            else if (!_waiting.HasInterleaving && _blocking is { IsReadOnly: false })
            {
                return;
            }

            call = next;
        }
    }

    private void PassOnWaiting()
    {
        while (_waiting.First is { } call)
        {
            _waiting.Remove(call);
            Interlocked.Decrement(ref _queued);
            if (call is GrainTimer.Tick || call.IsDone)
            {
                _unanswered.Remove(call);
                continue;
            }

            _unanswered.Remove(call);
            if (_rejection is not null)
            {
                call.Fail(_rejection);
            }
            else if (++call.Forwards > InProcessCluster.MaxForwards)
            {
                call.Fail(new OrleansMessageRejectionException(
                    $"{call.Method} of {GrainId} met {call.Forwards} activations that ended before it could run."));
            }
            else
            {
                call.Reference!.Source.Redispatch(call, call.Reference);
            }
        }
    }
}
