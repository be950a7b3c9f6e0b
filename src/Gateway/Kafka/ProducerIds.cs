namespace Orleans.Kafka.Gateway.Kafka;

/// <summary>
/// Hands out producer ids from blocks of a thousand, as Kafka does: a restart wastes what is left of a block, and no
/// id is ever given twice.
/// </summary>
internal sealed class ProducerIds(BrokerView broker) : IDisposable
{
    private const int BlockSize = 1_000;

    private readonly SemaphoreSlim _refill = new(1, 1);
    private readonly Lock _lock = new();
    private long _next;
    private long _end;

    /// <summary>The next id; asks the cluster for a new block when this one is used up.</summary>
    public async ValueTask<long> NextAsync()
    {
        while (true)
        {
            if (TryTake(out long id))
            {
                return id;
            }

            await _refill.WaitAsync();
            try
            {
                if (!HasAny())
                {
                    long first = await broker.Cluster.AllocateProducerIdsAsync(BlockSize);
                    lock (_lock)
                    {
                        _next = first;
                        _end = first + BlockSize;
                    }
                }
            }
            finally
            {
                _refill.Release();
            }
        }
    }

    public void Dispose() => _refill.Dispose();

    private bool TryTake(out long id)
    {
        lock (_lock)
        {
            id = _next;
            if (_next == _end)
            {
                return false;
            }

            _next++;
            return true;
        }
    }

    private bool HasAny()
    {
        lock (_lock)
        {
            return _next < _end;
        }
    }
}
