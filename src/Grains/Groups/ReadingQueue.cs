namespace Orleans.Kafka.Grains.Groups;

/// <summary>
/// Reads logs on pool threads, so many at a time and no more: after a start there are fifty to read, and requests need
/// those threads, too. First come, first read. Thread-safe.
/// </summary>
/// <param name="width">How many at a time.</param>
internal sealed class ReadingQueue(int width) : IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private readonly Queue<Action> _waiting = [];
    private int _running;

    /// <summary>Has it read when it is its turn; it must not throw.</summary>
    public void Add(Action read)
    {
        lock (_lock)
        {
            _waiting.Enqueue(read);
            if (_running == width)
            {
                return;
            }

            _running++;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        Action? read;
        lock (_lock)
        {
            if (!_waiting.TryDequeue(out read))
            {
                _running--;
                return;
            }
        }

        read();

        // To the end of the pool's queue: others have waited meanwhile.
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }
}
