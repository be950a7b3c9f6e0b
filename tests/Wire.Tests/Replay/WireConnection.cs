using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>A bare socket to the broker.</summary>
internal sealed class WireConnection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly NetworkStream _stream;

    public WireConnection(int port)
    {
        _socket.Connect(IPAddress.Loopback, port);
        _stream = new NetworkStream(_socket);
    }

    /// <summary>Whether the broker was seen to have closed it.</summary>
    public bool IsClosed { get; private set; }

    public async Task SendAsync(byte[] frame, bool thenShutDown)
    {
        try
        {
            await _stream.WriteAsync(frame);
            if (thenShutDown)
            {
                _socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            IsClosed = true;
        }
    }

    /// <summary>
    /// A whole frame with its length; null when the broker closed the connection, or nothing came in time.
    /// </summary>
    public async Task<byte[]?> ReadFrameAsync(TimeSpan timeout)
    {
        var length = new byte[4];
        if (!await FillAsync(length, timeout))
        {
            return null;
        }

        var frame = new byte[4 + BinaryPrimitives.ReadInt32BigEndian(length)];
        length.CopyTo(frame, 0);
        return await FillAsync(frame.AsMemory(4), timeout) ? frame : null;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    private async Task<bool> FillAsync(Memory<byte> target, TimeSpan timeout)
    {
        using var cancellation = new CancellationTokenSource(timeout);
        try
        {
            await _stream.ReadExactlyAsync(target, cancellation.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            IsClosed = true;
            return false;
        }
    }
}
