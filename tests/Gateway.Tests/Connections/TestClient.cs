using System.Buffers.Binary;
using System.Text;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Tests.Connections;

/// <summary>Sends frames and reads frames.</summary>
internal sealed class TestClient(Stream stream) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static byte[] Frame(
        ApiKey key, int correlation, ReadOnlySpan<byte> body, short version = 0, string? id = "t")
    {
        byte[] clientId = Encoding.UTF8.GetBytes(id ?? "");
        byte[] frame = new byte[4 + 8 + 2 + clientId.Length + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - 4);
        BinaryPrimitives.WriteInt16BigEndian(frame.AsSpan(4), (short)key);
        BinaryPrimitives.WriteInt16BigEndian(frame.AsSpan(6), version);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(8), correlation);
        BinaryPrimitives.WriteInt16BigEndian(frame.AsSpan(12), id is null ? (short)-1 : (short)clientId.Length);
        clientId.CopyTo(frame.AsSpan(14));
        body.CopyTo(frame.AsSpan(14 + clientId.Length));
        return frame;
    }

    public Task SendAsync(ApiKey key, int correlation, params byte[] body) =>
        SendRawAsync(Frame(key, correlation, body));

    public async Task SendRawAsync(ReadOnlyMemory<byte> bytes) =>
        await stream.WriteAsync(bytes).AsTask().WaitAsync(Patience);

    /// <summary>The next answer; null at the end of the connection.</summary>
    public async Task<(int Correlation, byte[] Body)?> ReceiveAsync()
    {
        byte[] prefix = new byte[8];
        if (!await ReadWholeAsync(prefix))
        {
            return null;
        }

        byte[] body = new byte[BinaryPrimitives.ReadInt32BigEndian(prefix) - 4];
        Assert.True(await ReadWholeAsync(body), "The connection ended inside an answer.");
        return (BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(4)), body);
    }

    /// <summary>Reads until the connection ends; the bytes that came, whatever way it ended.</summary>
    public async Task<int> ReadToEndAsync()
    {
        byte[] buffer = new byte[64 * 1024];
        int total = 0;
        try
        {
            while (true)
            {
                int read = await stream.ReadAsync(buffer).AsTask().WaitAsync(Patience);
                if (read == 0)
                {
                    return total;
                }

                total += read;
            }
        }
        catch (IOException)
        {
            return total;
        }
    }

    public void Dispose() => stream.Dispose();

    private async Task<bool> ReadWholeAsync(byte[] target)
    {
        int filled = 0;
        while (filled < target.Length)
        {
            int read = await stream.ReadAsync(target.AsMemory(filled)).AsTask().WaitAsync(Patience);
            if (read == 0)
            {
                return filled == 0 && target.Length > 0 ? false : throw new EndOfStreamException();
            }

            filled += read;
        }

        return true;
    }
}
