namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// A pinned piece of memory that sockets receive into. Counted: it goes back to its pool when the last who refers to
/// it (the turn that received, the connection that waits for the rest of a frame, a request that keeps its body)
/// lets go.
/// </summary>
internal sealed class ReceiveBlock(ReceiveBlockPool pool, int size)
{
    private readonly ReceiveBlockPool _pool = pool;
    private int _references;

    public byte[] Bytes { get; } = GC.AllocateUninitializedArray<byte>(size, pinned: true);

    public void Rent() => _references = 1;

    public void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>True when nobody but the caller refers to the block.</summary>
    public bool IsExclusive => Volatile.Read(ref _references) == 1;

    public void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        if (left == 0)
        {
            _pool.Return(this);
        }
        else if (left < 0)
        {
            throw new InvalidOperationException("A receive block was released more often than it was referred to.");
        }
    }
}
