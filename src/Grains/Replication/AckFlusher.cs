using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// The one flush that all replicas of a broker share whose acknowledgements wait for the disk
/// (<c>log.flush.before.ack</c>). While a flush is under way, who asks is gathered for the next: many partitions cost
/// one flush, and one that waits alone is not kept waiting.
/// </summary>
/// <remarks>
/// A replica is here at most once, so nothing grows with the number of records. The thread comes into being with the
/// first question and sleeps while nobody asks.
/// </remarks>
/// <param name="flush">Flushes all the logs given; blocks.</param>
/// <param name="run">Runs the flushes that are due, somewhere; if null, a thread of its own does.</param>
internal sealed class AckFlusher(Action<IReadOnlyList<LogFlush>> flush, Action<Action>? run = null)
{
    [ThreadStatic]
    private static AckFlusher? _held;

    private readonly object _bell = new();
    private readonly List<LogFlush> _flushes = [];
    private List<Replica> _waiting = [];
    private List<Replica> _current = [];
    private bool _isRunning;
    private bool _isStopped;
    private Thread? _thread;

    /// <summary>
    /// Has the replica's log flushed as it is when its turn comes; then <see cref="Replica.OnFlushed"/> is called. Not
    /// again before that.
    /// </summary>
    public void Add(Replica replica)
    {
        lock (_bell)
        {
            _waiting.Add(replica);
        }

        if (_held != this)
        {
            Start();
        }
    }

    /// <summary>
    /// Runs an action which may add many replicas, on this thread, and starts no flush for the first of them while the
    /// others are still on their way.
    /// </summary>
    public void Gather<T>(T state, Action<T> add)
    {
        _held = this;
        try
        {
            add(state);
        }
        finally
        {
            _held = null;
            Start();
        }
    }

    /// <summary>Ends the thread once nobody waits.</summary>
    public void Stop()
    {
        lock (_bell)
        {
            _isStopped = true;
            Monitor.Pulse(_bell);
        }
    }

    private void Start()
    {
        lock (_bell)
        {
            if (_isRunning || _waiting.Count == 0)
            {
                return;
            }

            _isRunning = true;
            if (run is null)
            {
                Wake();
                return;
            }
        }

        run(FlushAll);
    }

    private void Wake()
    {
        if (_thread is null)
        {
            _thread = new Thread(RunThread) { IsBackground = true, Name = "flush before ack" };
            _thread.Start();
        }

        Monitor.Pulse(_bell);
    }

    private void RunThread()
    {
        while (true)
        {
            lock (_bell)
            {
                while (!_isRunning)
                {
                    if (_isStopped)
                    {
                        _thread = null;
                        return;
                    }

                    Monitor.Wait(_bell);
                }
            }

            FlushAll();
        }
    }

    /// <summary>One flush after the other, until nobody waits.</summary>
    private void FlushAll()
    {
        while (TakeWaiting())
        {
            foreach (Replica replica in _current)
            {
                replica.Log.BeginFlush(replica.Flush);
                _flushes.Add(replica.Flush);
            }

            try
            {
                flush(_flushes);
            }
            catch (Exception exception)
            {
                // A state that cannot be. Nobody may take it for a flush.
                _flushes.ForEach(each => each.Fail(exception));
            }

            _flushes.Clear();
            foreach (Replica replica in _current)
            {
                replica.OnFlushed();
            }

            _current.Clear();
        }
    }

    private bool TakeWaiting()
    {
        // Where threads share a core, who appends goes first: the flush then has more to do at once. Costs nothing where
        // nobody else wants to run.
        Thread.Yield();
        lock (_bell)
        {
            _isRunning = _waiting.Count > 0;
            (_waiting, _current) = (_current, _waiting);
            return _isRunning;
        }
    }
}
