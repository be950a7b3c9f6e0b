using System.Net;
using System.Net.Sockets;

namespace Orleans.Kafka.Gateway.Connections.Linux;

/// <summary>The event loops of an endpoint, and the listeners that feed them.</summary>
internal sealed class DirectTransport : IDisposable
{
    private readonly EventLoop[] _loops;
    private uint _next;

    public DirectTransport(ConnectionServices services, int threads)
    {
        Services = services;
        _loops = new EventLoop[threads];
        for (int i = 0; i < threads; i++)
        {
            _loops[i] = new EventLoop(i, services.Pool, services.Logger);
        }
    }

    /// <summary>True where the system calls of the event loop exist.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && CanCall();

    public ConnectionServices Services { get; }

    public EventLoop AcceptLoop => _loops[0];

    public DirectListener Bind(string name, EndPoint endPoint) => new(this, name, Open(endPoint));

    /// <summary>Serves a socket that was accepted, on the loop whose turn it is.</summary>
    public DirectConnection Serve(int socket, string listener, EndPoint? remote, EndPoint? local)
    {
        EventLoop loop = _loops[Interlocked.Increment(ref _next) % (uint)_loops.Length];
        var info = new ConnectionInfo(KafkaConnection.NextId(), listener, remote, local);
        var connection = new DirectConnection(Services, loop, socket, info);
        connection.Start();
        return connection;
    }

    public void Dispose()
    {
        foreach (EventLoop loop in _loops)
        {
            loop.Dispose();
        }
    }

    private static bool CanCall()
    {
        try
        {
            int descriptor = Native.CreateEvent();
            return descriptor >= 0 && Native.Close(descriptor) == 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    private List<Socket> Open(EndPoint endPoint)
    {
        if (endPoint is not DnsEndPoint name)
        {
            return [OpenOne((IPEndPoint)endPoint)];
        }

        Socket first = OpenOne(new IPEndPoint(IPAddress.Loopback, name.Port));
        if (!Socket.OSSupportsIPv6)
        {
            return [first];
        }

        try
        {
            int port = ((IPEndPoint)first.LocalEndPoint!).Port;
            return [first, OpenOne(new IPEndPoint(IPAddress.IPv6Loopback, port))];
        }
        catch (IOException)
        {
            // Somebody else's port, or no IPv6 loopback: IPv4 alone will do.
            return [first];
        }
    }

    /// <summary>Options set here are inherited by the sockets that are accepted.</summary>
    private Socket OpenOne(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.NoDelay = true;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            if (Services.Limits.SendBufferBytes > 0)
            {
                socket.SendBufferSize = Services.Limits.SendBufferBytes;
            }

            if (Services.Limits.ReceiveBufferBytes > 0)
            {
                socket.ReceiveBufferSize = Services.Limits.ReceiveBufferBytes;
            }

            socket.Bind(endPoint);
            socket.Listen(Services.Limits.Backlog);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"Cannot listen on {endPoint}: {e.Message}.", e);
        }
    }
}
