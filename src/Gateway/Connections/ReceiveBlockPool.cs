namespace Orleans.Kafka.Gateway.Connections;

/// <summary>Receive blocks of one endpoint. Keeps a few that are free, trimmed when the endpoint sweeps.</summary>
internal sealed class ReceiveBlockPool
{
    /// <summary>
    /// Large enough that a receive call is cheap against the copy it makes, small enough to stay in a core's own cache.
    /// </summary>
    public const int BlockBytes = 128 * 1024;

    private const int MaxFree = 128;
    private const int MaxFreeAtRest = 4;

    private readonly ReceiveBlock[] _free = new ReceiveBlock[MaxFree];
    private readonly Lock _lock = new();
    private readonly bool _poison;
    private int _freeCount;
    private int _lowWater;
    private int _rented;

    /// <param name="poison">Overwrite blocks that come back, so that tests see who reads them too late.</param>
    public ReceiveBlockPool(bool poison = false)
    {
        _poison = poison;
    }

    /// <summary>Bytes in use.</summary>
    public long RentedBytes => (long)Volatile.Read(ref _rented) * BlockBytes;

    public ReceiveBlock Rent()
    {
        ReceiveBlock? block = null;
        lock (_lock)
        {
            _rented++;
            if (_freeCount > 0)
            {
                block = _free[--_freeCount];
                _free[_freeCount] = null!;
                _lowWater = Math.Min(_lowWater, _freeCount);
            }
        }

        block ??= new ReceiveBlock(this, BlockBytes);
        block.Rent();
        return block;
    }

    public void Return(ReceiveBlock block)
    {
        if (_poison)
        {
            block.Bytes.AsSpan().Fill(0xDD);
        }

        lock (_lock)
        {
            _rented--;
            if (_freeCount < MaxFree)
            {
                _free[_freeCount++] = block;
            }
        }
    }

    /// <summary>Forgets the blocks nobody wanted since the last call.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            int surplus = Math.Min(_lowWater, _freeCount) - MaxFreeAtRest;
            for (int i = 0; i < surplus; i++)
            {
                _free[--_freeCount] = null!;
            }

            _lowWater = _freeCount;
        }
    }
}
