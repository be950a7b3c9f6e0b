using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Orleans.Kafka.Gateway.Connections.Linux;

/// <summary>Accepts for one listener, on one or two addresses (<c>localhost</c> is two).</summary>
internal sealed class DirectListener : IConnectionListener, IEventTarget
{
    private const int AcceptsPerTurn = 64;
    private const int AddressBytes = 28;
    private const int FamilyIPv4 = 2;
    private const int FamilyIPv6 = 10;

    private static readonly TimeSpan RetryAccept = TimeSpan.FromMilliseconds(100);

    private readonly DirectTransport _transport;
    private readonly string _name;
    private readonly List<(Socket Socket, int Slot)> _sockets = [];
    private readonly Channel<ConnectionContext> _accepted = Channel.CreateUnbounded<ConnectionContext>(
        new UnboundedChannelOptions { SingleReader = true });
    private readonly Lock _lock = new();
    private ITimer? _retry;
    private bool _watching = true;
    private bool _unbound;

    public DirectListener(DirectTransport transport, string name, IReadOnlyList<Socket> sockets)
    {
        _transport = transport;
        _name = name;
        EndPoint = sockets[0].LocalEndPoint!;
        lock (_lock)
        {
            // The first connection may come before the second socket is watched.
            foreach (Socket socket in sockets)
            {
                socket.Blocking = false;
                _sockets.Add((socket, Watch(socket)));
            }
        }
    }

    public EndPoint EndPoint { get; }

    private EventLoop Loop => _transport.AcceptLoop;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _accepted.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_accepted.Reader.TryRead(out ConnectionContext? context))
            {
                return context;
            }
        }

        return null;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            if (_unbound)
            {
                return default;
            }

            _unbound = true;
            StopWatching();
            foreach ((Socket socket, _) in _sockets)
            {
                socket.Dispose();
            }
        }

        _retry?.Dispose();
        _accepted.Writer.TryComplete();
        return default;
    }

    public ValueTask DisposeAsync() => UnbindAsync();

    void IEventTarget.OnReady(int events)
    {
        lock (_lock)
        {
            if (_unbound)
            {
                return;
            }

            foreach ((Socket socket, _) in _sockets)
            {
                if (!AcceptAll((int)socket.Handle))
                {
                    PauseAccepting();
                    return;
                }
            }
        }
    }

    void IEventTarget.OnPosted()
    {
    }

    private static IPEndPoint? Parse(ReadOnlySpan<byte> address)
    {
        int port = (address[2] << 8) | address[3];
        return BitConverter.ToInt16(address) switch
        {
            FamilyIPv4 => new IPEndPoint(new IPAddress(address.Slice(4, 4)), port),
            FamilyIPv6 => new IPEndPoint(Unmap(new IPAddress(address.Slice(8, 16))), port),
            _ => null,
        };
    }

    private static IPAddress Unmap(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private int Watch(Socket socket) => Loop.Add((int)socket.Handle, this, edge: false);

    private unsafe bool AcceptAll(int socket)
    {
        byte* address = stackalloc byte[AddressBytes];
        for (int i = 0; i < AcceptsPerTurn; i++)
        {
            int length = AddressBytes;
            int accepted = Native.Accept(socket, address, &length);
            if (accepted >= 0)
            {
                IPEndPoint? remote = Parse(new ReadOnlySpan<byte>(address, AddressBytes));
                DirectConnection connection = _transport.Serve(accepted, _name, remote, EndPoint);
                _accepted.Writer.TryWrite(new DirectConnectionContext(connection));
                continue;
            }

            int error = Native.LastError;
            if (error == Native.Again)
            {
                return true;
            }

            if (error is Native.TooManyOpenFiles or Native.TooManyOpenFilesInSystem or Native.NoMemory)
            {
                ConnectionLog.AcceptFailed(_transport.Services.Logger, EndPoint, error);
                return false;
            }
        }

        return true;
    }

    /// <summary>Out of descriptors: the kernel would report the waiting connections again and again.</summary>
    private void PauseAccepting()
    {
        StopWatching();
        _retry?.Dispose();
        _retry = _transport.Services.Time.CreateTimer(
            static state => ((DirectListener)state!).ResumeAccepting(), this, RetryAccept, Timeout.InfiniteTimeSpan);
    }

    private void StopWatching()
    {
        if (_watching)
        {
            _watching = false;
            foreach ((Socket socket, int slot) in _sockets)
            {
                Loop.Remove(slot, (int)socket.Handle);
            }
        }
    }

    private void ResumeAccepting()
    {
        lock (_lock)
        {
            if (_unbound)
            {
                return;
            }

            for (int i = 0; i < _sockets.Count; i++)
            {
                _sockets[i] = (_sockets[i].Socket, Watch(_sockets[i].Socket));
            }

            _watching = true;
        }
    }
}
