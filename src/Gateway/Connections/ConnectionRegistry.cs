using System.Collections.Concurrent;
using System.Net;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>The connections of an endpoint, counted against its limits.</summary>
internal sealed class ConnectionRegistry(ConnectionLimits limits)
{
    private readonly ConnectionLimits _limits = limits;
    private readonly ConcurrentDictionary<long, KafkaConnection> _connections = new();
    private readonly Dictionary<IPAddress, int> _perAddress = [];
    private readonly Lock _lock = new();
    private int _count;
    private volatile bool _refusing;

    public int Count => Volatile.Read(ref _count);

    public IEnumerable<KafkaConnection> Connections => _connections.Values;

    private bool CountsAddresses => _limits.MaxConnectionsPerAddress != int.MaxValue;

    /// <summary>Admits nobody any more.</summary>
    public void Refuse() => _refusing = true;

    /// <summary>Admits a connection, or says why not.</summary>
    public CloseReason TryAdd(KafkaConnection connection)
    {
        if (_refusing)
        {
            return CloseReason.ServerShutdown;
        }

        if (Interlocked.Increment(ref _count) > _limits.MaxConnections)
        {
            Interlocked.Decrement(ref _count);
            return CloseReason.TooManyConnections;
        }

        if (CountsAddresses && AddressOf(connection) is { } address)
        {
            lock (_lock)
            {
                int count = _perAddress.GetValueOrDefault(address);
                if (count >= _limits.MaxConnectionsPerAddress)
                {
                    Interlocked.Decrement(ref _count);
                    return CloseReason.TooManyConnectionsFromAddress;
                }

                _perAddress[address] = count + 1;
            }
        }

        _connections[connection.Info.Id] = connection;
        if (_refusing)
        {
            connection.BeginDrain();
        }

        return CloseReason.None;
    }

    public void Remove(KafkaConnection connection)
    {
        if (!_connections.TryRemove(connection.Info.Id, out _))
        {
            return;
        }

        Interlocked.Decrement(ref _count);
        if (CountsAddresses && AddressOf(connection) is { } address)
        {
            lock (_lock)
            {
                int left = _perAddress[address] - 1;
                if (left == 0)
                {
                    _perAddress.Remove(address);
                }
                else
                {
                    _perAddress[address] = left;
                }
            }
        }
    }

    private static IPAddress? AddressOf(KafkaConnection connection) =>
        (connection.Info.RemoteEndPoint as IPEndPoint)?.Address;
}
