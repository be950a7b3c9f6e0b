using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Interop.Tests;

/// <summary>Makes topics for the tests over the wire, so that a test depends on no other client than its own.</summary>
internal static class Topics
{
    private const short Version = 4;

    public static async Task CreateAsync(string bootstrap, string topic, int partitions)
    {
        var endpoint = IPEndPoint.Parse(bootstrap);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(endpoint);
        using var stream = new NetworkStream(socket);
        await stream.WriteAsync(Frame(topic, partitions));
        var size = new byte[4];
        await stream.ReadExactlyAsync(size);
        var answer = new byte[BinaryPrimitives.ReadInt32BigEndian(size)];
        await stream.ReadExactlyAsync(answer);
        var error = ReadError(answer);
        Assert.True(error == ErrorCode.None, $"topic {topic} was not created: {error}");
    }

    private static byte[] Frame(string topic, int partitions)
    {
        var request = new CreateTopicsRequest { TimeoutMs = 10_000 };
        request.Topics.Add(new() { Name = topic, NumPartitions = partitions, ReplicationFactor = 1 });
        var body = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(body);
        new RequestHeader { ApiKey = ApiKey.CreateTopics, ApiVersion = Version, ClientId = "tests" }.Write(ref writer);
        request.Write(ref writer, Version);
        writer.Complete();
        var frame = new byte[4 + body.WrittenCount];
        BinaryPrimitives.WriteInt32BigEndian(frame, body.WrittenCount);
        body.WrittenSpan.CopyTo(frame.AsSpan(4));
        return frame;
    }

    private static ErrorCode ReadError(byte[] answer)
    {
        var reader = new KafkaReader(answer);
        reader.ReadInt32();
        var response = new CreateTopicsResponse();
        response.Read(ref reader, Version);
        Assert.False(reader.Failed);
        return response.Topics.Single().ErrorCode;
    }
}
