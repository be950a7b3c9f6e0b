namespace Orleans.Kafka.Gateway.Connections;

/// <summary>What one endpoint lets its peers take. Everything that grows with input has its bound here.</summary>
public sealed record ConnectionLimits
{
    /// <summary>Largest request in bytes, length prefix excluded (Kafka: <c>socket.request.max.bytes</c>).</summary>
    public int MaxRequestBytes { get; init; } = 100 * 1024 * 1024;

    /// <summary>
    /// Requests of one connection that may be unanswered at a time; the next one stays in the socket.
    /// Rounded up to a power of two.
    /// </summary>
    public int MaxInFlight { get; init; } = 64;

    /// <summary>
    /// Bytes of finished answers (file ranges excluded: they cost no memory) one connection may hold back
    /// before no further request of it is handled.
    /// </summary>
    public int MaxOutputBytes { get; init; } = 1024 * 1024;

    /// <summary>
    /// Silence after which a connection is closed (Kafka: <c>connections.max.idle.ms</c>). Infinite turns it off.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Connections of the endpoint (Kafka: <c>max.connections</c>).</summary>
    public int MaxConnections { get; init; } = int.MaxValue;

    /// <summary>Connections from one IP address (Kafka: <c>max.connections.per.ip</c>).</summary>
    public int MaxConnectionsPerAddress { get; init; } = int.MaxValue;

    /// <summary>
    /// Bytes of receive blocks in use at a time. Above it a connection which needs one more block for a request that
    /// is not yet complete is closed.
    /// </summary>
    public long MaxReceiveMemoryBytes { get; init; } = DefaultReceiveMemory();

    /// <summary>How long a stop waits for what is in flight.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Pending connections the kernel queues (Kafka: <c>socket.listen.backlog.size</c>).</summary>
    public int Backlog { get; init; } = 512;

    /// <summary>SO_SNDBUF in bytes, -1 for the kernel's own choice (Kafka: <c>socket.send.buffer.bytes</c>).</summary>
    public int SendBufferBytes { get; init; } = -1;

    /// <summary>
    /// SO_RCVBUF in bytes, -1 for the kernel's own choice (Kafka: <c>socket.receive.buffer.bytes</c>).
    /// </summary>
    public int ReceiveBufferBytes { get; init; } = -1;

    private static long DefaultReceiveMemory() =>
        Math.Max(256L * 1024 * 1024, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);
}
