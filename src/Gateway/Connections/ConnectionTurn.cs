using Microsoft.Extensions.Logging;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// Work that a handler put off to the end of the turn, for example one append for all requests of the turn.
/// </summary>
public interface ITurnWork
{
    /// <summary>
    /// Runs once after the last request of the turn was handled, on the thread that handled them. The bodies of all
    /// requests of the turn are still valid. Answers completed here leave with the turn's own write.
    /// </summary>
    void Run();
}

/// <summary>
/// All complete requests that were ready at the same time, on one or on many connections of one event loop. Each is
/// handled in order; then the work handlers enlisted runs; then every connection that has finished answers sends
/// them in one write. The object is reused: one per event loop, one per connection on other transports.
/// </summary>
public sealed class ConnectionTurn
{
    /// <summary>A connection finds at least this much room in the shared block.</summary>
    private const int MinReceiveBytes = 16 * 1024;

    private const int MaxPooledContexts = 1024;

    [ThreadStatic]
    private static ConnectionTurn? _current;

    private readonly ILogger _logger;
    private readonly List<KafkaConnection> _dirty = [];
    private readonly List<KafkaConnection> _resumed = [];
    private readonly List<ReceiveBlock> _held = [];
    private readonly Dictionary<Type, ITurnWork> _works = [];
    private readonly List<ITurnWork> _enlisted = [];
    private readonly Stack<RequestContext> _contexts = new();
    private RequestContext? _returned;
    private ReceiveBlock? _shared;
    private int _sharedOffset;

    internal ConnectionTurn(ReceiveBlockPool pool, ILogger logger)
    {
        Pool = pool;
        _logger = logger;
    }

    /// <summary>The turn this thread is in.</summary>
    internal static ConnectionTurn? Current => _current;

    internal ReceiveBlockPool Pool { get; }

    internal bool HasWork => _enlisted.Count > 0;

    /// <summary>Blocks that are full of requests of this turn.</summary>
    internal int HeldBlocks => _held.Count;

    /// <summary>
    /// The one object of type <typeparamref name="T"/> that belongs to this turn object; made on first use and then
    /// reused turn after turn, never by two threads at once. Enlist it to have it run.
    /// </summary>
    public T Work<T>(Func<T> create)
        where T : class, ITurnWork
    {
        if (_works.TryGetValue(typeof(T), out ITurnWork? work))
        {
            return (T)work;
        }

        T made = create();
        _works.Add(typeof(T), made);
        return made;
    }

    /// <summary>Has <paramref name="work"/> run at the end of this turn. Call it once per turn and work.</summary>
    public void Enlist(ITurnWork work) => _enlisted.Add(work);

    internal void Enter() => _current = this;

    internal static void Leave() => _current = null;

    /// <summary>Notes that a connection has answers to send when the turn ends.</summary>
    internal void MarkDirty(KafkaConnection connection) => _dirty.Add(connection);

    /// <summary>Notes that a connection of this turn may go on handling requests.</summary>
    internal void MarkResumed(KafkaConnection connection) => _resumed.Add(connection);

    /// <summary>Runs what handlers put off. Work enlisted meanwhile runs too.</summary>
    internal void RunWork()
    {
        for (int i = 0; i < _enlisted.Count; i++)
        {
            try
            {
                _enlisted[i].Run();
            }
            catch (Exception e)
            {
                ConnectionLog.TurnWorkFailed(_logger, _enlisted[i].GetType().Name, e);
            }
        }

        _enlisted.Clear();
    }

    /// <summary>Ends the turn: deferred work, answers, connections that may go on, blocks.</summary>
    internal void End()
    {
        do
        {
            RunWork();
            FlushDirty();
            for (int i = 0; i < _resumed.Count; i++)
            {
                Resume(_resumed[i]);
            }

            _resumed.Clear();
        }
        while (_enlisted.Count > 0 || _dirty.Count > 0);
        ReleaseBlocks();
    }

    /// <summary>Lets the shared block go when the turn object will not be used for a while.</summary>
    internal void Rest()
    {
        if (_shared is not null)
        {
            _shared.Release();
            _shared = null;
        }
    }

    internal RequestContext RentContext()
    {
        if (_contexts.TryPop(out RequestContext? context))
        {
            return context;
        }

        context = Interlocked.Exchange(ref _returned, null);
        if (context is null)
        {
            return new RequestContext(this);
        }

        RequestContext? next = context.NextReturned;
        context.NextReturned = null;
        while (next is not null)
        {
            RequestContext? after = next.NextReturned;
            next.NextReturned = null;
            if (_contexts.Count < MaxPooledContexts)
            {
                _contexts.Push(next);
            }

            next = after;
        }

        return context;
    }

    internal void ReturnContext(RequestContext context)
    {
        if (_current == this)
        {
            if (_contexts.Count < MaxPooledContexts)
            {
                _contexts.Push(context);
            }

            return;
        }

        RequestContext? head;
        do
        {
            head = Volatile.Read(ref _returned);
            context.NextReturned = head;
        }
        while (Interlocked.CompareExchange(ref _returned, context, head) != head);
    }

    internal ReceiveBlock BorrowBlock(int carried, out int start)
    {
        if (_shared is not null && _sharedOffset + carried + MinReceiveBytes > ReceiveBlockPool.BlockBytes)
        {
            Hold(_shared);
            _shared = null;
        }

        if (_shared is null)
        {
            _shared = Pool.Rent();
            _sharedOffset = 0;
        }

        start = _sharedOffset;
        return _shared;
    }

    internal void AdvanceBlock(int end) => _sharedOffset = end;

    /// <summary>
    /// The connection that received last keeps the shared block; what others have in it stays until the end.
    /// </summary>
    internal void GiveBlockAway()
    {
        _shared!.AddReference();
        Hold(_shared);
        _shared = null;
    }

    /// <summary>Takes over a reference that is let go when the turn ends.</summary>
    internal void Hold(ReceiveBlock block) => _held.Add(block);

    private static void Resume(KafkaConnection connection)
    {
        try
        {
            connection.OnResumed();
        }
        catch (Exception e)
        {
            connection.Fail(e);
        }
    }

    private void FlushDirty()
    {
        for (int i = 0; i < _dirty.Count; i++)
        {
            try
            {
                _dirty[i].FlushDirty();
            }
            catch (Exception e)
            {
                _dirty[i].Fail(e);
            }
        }

        _dirty.Clear();
    }

    private void ReleaseBlocks()
    {
        foreach (ReceiveBlock block in _held)
        {
            block.Release();
        }

        _held.Clear();
        if (_shared is null)
        {
            return;
        }

        if (_shared.IsExclusive)
        {
            _sharedOffset = 0;
        }
        else
        {
            Rest();
        }
    }
}
