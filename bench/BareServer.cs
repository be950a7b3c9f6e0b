using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Orleans.Kafka.Bench;

/// <summary>
/// The floor of the start and idle rows: a .NET process that listens and gives fixed answers, one connection at a time.
/// </summary>
internal static class BareServer
{
    public static void Run(int port)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(512);
        while (true)
        {
            using var client = listener.Accept();
            Serve(client);
        }
    }

    private static void Serve(Socket client)
    {
        var frame = new byte[65_536];
        while (Fill(client, frame.AsSpan(0, 4)))
        {
            var size = BinaryPrimitives.ReadInt32BigEndian(frame);
            if (size < 8 || size > frame.Length || !Fill(client, frame.AsSpan(0, size)))
            {
                return;
            }

            var key = BinaryPrimitives.ReadInt16BigEndian(frame);
            var answer = key == 0 ? Produced() : Created();
            BinaryPrimitives.WriteInt32BigEndian(answer, answer.Length - 4);
            frame.AsSpan(4, 4).CopyTo(answer.AsSpan(4));
            client.Send(answer);
        }
    }

    /// <summary>Length, correlation id, throttle, one topic of a one-letter name, error 0, no message.</summary>
    private static byte[] Created() =>
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, (byte)'t', 0, 0, 0xff, 0xff];

    /// <summary>
    /// Length, correlation id, one topic of a one-letter name, one partition without error, throttle.
    /// </summary>
    private static byte[] Produced()
    {
        var answer = new byte[53];
        answer[11] = 1;
        answer[13] = 1;
        answer[14] = (byte)'t';
        answer[18] = 1;
        return answer;
    }

    private static bool Fill(Socket client, Span<byte> target)
    {
        while (target.Length > 0)
        {
            var received = client.Receive(target);
            if (received == 0)
            {
                return false;
            }

            target = target[received..];
        }

        return true;
    }
}
