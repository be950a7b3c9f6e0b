using System.Net;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// What handlers may know about the connection a request came by. One object for the connection's life.
/// </summary>
public sealed class ConnectionInfo
{
    private CancellationTokenSource? _closed;
    private int _isClosed;

    internal ConnectionInfo(long id, string listenerName, EndPoint? remote, EndPoint? local)
    {
        Id = id;
        ListenerName = listenerName;
        RemoteEndPoint = remote;
        LocalEndPoint = local;
    }

    /// <summary>Unique in this process.</summary>
    public long Id { get; }

    /// <summary>
    /// Name of the listener that accepted the connection; answers name addresses of the same listener.
    /// </summary>
    public string ListenerName { get; }

    /// <summary>Address of the peer; null for transports without addresses.</summary>
    public EndPoint? RemoteEndPoint { get; }

    /// <summary>Address the peer connected to; null for transports without addresses.</summary>
    public EndPoint? LocalEndPoint { get; }

    /// <summary>Name of the client library, as told by ApiVersions v3 and later (KIP-511).</summary>
    public string? ClientSoftwareName { get; set; }

    /// <summary>Version of the client library, as told by ApiVersions v3 and later (KIP-511).</summary>
    public string? ClientSoftwareVersion { get; set; }

    /// <summary>Who authenticated on this connection; null is anonymous.</summary>
    public string? Principal { get; set; }

    /// <summary>State that authentication keeps between its requests.</summary>
    public object? AuthenticationState { get; set; }

    /// <summary>Cancelled when the connection closed. Made on first use: most connections never need one.</summary>
    public CancellationToken Closed
    {
        get
        {
            CancellationTokenSource? source = Volatile.Read(ref _closed);
            if (source is null)
            {
                var made = new CancellationTokenSource();
                source = Interlocked.CompareExchange(ref _closed, made, null) ?? made;
                if (Volatile.Read(ref _isClosed) == 1)
                {
                    source.Cancel();
                }
            }

            return source.Token;
        }
    }

    internal void MarkClosed()
    {
        Interlocked.Exchange(ref _isClosed, 1);
        Volatile.Read(ref _closed)?.Cancel();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Id} {RemoteEndPoint} {ListenerName}";
}
