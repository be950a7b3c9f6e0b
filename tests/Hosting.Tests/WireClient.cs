using System.Buffers;
using System.Buffers.Binary;
using System.Net.Sockets;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Hosting.Tests;

/// <summary>A connection that sends one request and reads one answer at a time, with the broker's own messages.</summary>
internal sealed class WireClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TcpClient _connection = new() { NoDelay = true };
    private int _correlation;

    public static Task<WireClient> ConnectAsync(KafkaBroker broker)
    {
        string[] address = broker.BootstrapServers.Split(':');
        return ConnectAsync(address[0], int.Parse(address[1]));
    }

    public static async Task<WireClient> ConnectAsync(string host, int port)
    {
        var client = new WireClient();
        await client._connection.ConnectAsync(host, port);
        return client;
    }

    public async Task<TResponse> SendAsync<TResponse>(IKafkaRequest request, ApiKey key, short version)
        where TResponse : class, IKafkaResponse, new()
    {
        await WriteAsync(request, key, version);
        return await ReadAsync<TResponse>(key, version);
    }

    public async Task WriteAsync(IKafkaRequest request, ApiKey key, short version)
    {
        var frame = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(frame);
        writer.WriteInt32(0);
        writer.WriteInt16((short)key);
        writer.WriteInt16(version);
        writer.WriteInt32(++_correlation);
        writer.WriteInt16(-1);
        if (ApiCatalog.RequestHeaderVersion(key, version) >= 2)
        {
            writer.WriteInt8(0);
        }

        request.Write(ref writer, version);
        writer.Complete();
        byte[] bytes = frame.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(bytes, bytes.Length - 4);
        await _connection.GetStream().WriteAsync(bytes);
    }

    public async Task<TResponse> ReadAsync<TResponse>(ApiKey key, short version)
        where TResponse : class, IKafkaResponse, new()
    {
        using var patience = new CancellationTokenSource(Patience);
        byte[] length = new byte[4];
        await _connection.GetStream().ReadExactlyAsync(length, patience.Token);
        byte[] frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        await _connection.GetStream().ReadExactlyAsync(frame, patience.Token);
        int header = ApiCatalog.ResponseHeaderVersion(key, version) >= 1 ? 5 : 4;
        return Parse<TResponse>(frame.AsMemory(header), version);
    }

    public async Task CreateTopicAsync(string name, int partitions = 1, params (string Name, string Value)[] configs)
    {
        var topic = new CreateTopicsRequest.CreatableTopic { Name = name, NumPartitions = partitions, ReplicationFactor = 1 };
        topic.Configs.AddRange(configs.Select(
            config => new CreateTopicsRequest.CreatableTopicConfig { Name = config.Name, Value = config.Value }));
        var response = await SendAsync<CreateTopicsResponse>(
            new CreateTopicsRequest { Topics = [topic], TimeoutMs = 10_000 }, ApiKey.CreateTopics, version: 7);
        Assert.Equal(ErrorCode.None, response.Topics[0].ErrorCode);
    }

    public async Task<ProduceResponse.PartitionProduceResponse> ProduceAsync(
        string topic, ReadOnlyMemory<byte> batch, int partition = 0, short acks = -1)
    {
        var response = await SendAsync<ProduceResponse>(Produce(topic, batch, partition, acks), ApiKey.Produce, version: 9);
        return response.Responses[0].PartitionResponses[0];
    }

    public static ProduceRequest Produce(string topic, ReadOnlyMemory<byte> batch, int partition = 0, short acks = -1) => new()
    {
        Acks = acks,
        TimeoutMs = 10_000,
        TopicData =
        [
            new()
            {
                Name = topic,
                PartitionData = [new() { Index = partition, Records = new RecordSet(batch) }],
            },
        ],
    };

    public static FetchRequest Fetch(string topic, long offset, int maxWaitMs = 0, int minBytes = 1, int maxBytes = 1 << 20) => new()
    {
        MaxWaitMs = maxWaitMs,
        MinBytes = minBytes,
        MaxBytes = maxBytes,
        Topics =
        [
            new()
            {
                Topic = topic,
                Partitions = [new() { FetchOffset = offset, PartitionMaxBytes = maxBytes }],
            },
        ],
    };

    public async Task<FetchResponse.PartitionData> FetchAsync(
        string topic, long offset, int maxWaitMs = 0, int minBytes = 1, int maxBytes = 1 << 20)
    {
        var response = await SendAsync<FetchResponse>(
            Fetch(topic, offset, maxWaitMs, minBytes, maxBytes), ApiKey.Fetch, version: 12);
        return response.Responses[0].Partitions[0];
    }

    /// <summary>A batch of values without keys.</summary>
    public static ReadOnlyMemory<byte> Batch(params string[] values) => Batch(-1, -1, values);

    /// <summary>A batch of records of one time.</summary>
    public static ReadOnlyMemory<byte> Batch(DateTimeOffset time, params string[] values) =>
        Build(new RecordBatchBuilder(), time.ToUnixTimeMilliseconds(), values);

    /// <summary>A batch of an idempotent producer at epoch 0.</summary>
    public static ReadOnlyMemory<byte> Batch(long producerId, int sequence, params string[] values)
    {
        var builder = new RecordBatchBuilder
        {
            ProducerId = producerId,
            ProducerEpoch = (short)(producerId < 0 ? -1 : 0),
            BaseSequence = sequence,
        };
        return Build(builder, 1_795_200_000_000, values);
    }

    private static ReadOnlyMemory<byte> Build(RecordBatchBuilder builder, long timestamp, string[] values)
    {
        foreach (string value in values)
        {
            builder.Add(timestamp, null, System.Text.Encoding.UTF8.GetBytes(value));
        }

        return builder.Build().ToArray();
    }

    /// <summary>Offset and value of each record.</summary>
    public static List<(long Offset, string Value)> Records(RecordSet records)
    {
        var read = new List<(long, string)>();
        var batches = new RecordBatchReader(records.Bytes);
        byte[] bytes = records.Bytes.ToArray();
        while (batches.Next() == RecordBatchStep.Batch)
        {
            int start = (int)batches.Position + RecordBatchHeader.Size;
            var reader = new RecordReader(batches.Current, bytes.AsSpan(start..(int)batches.NextPosition));
            while (reader.Next())
            {
                read.Add((reader.Offset, System.Text.Encoding.UTF8.GetString(reader.Value)));
            }
        }

        return read;
    }

    public void Dispose() => _connection.Dispose();

    private static TResponse Parse<TResponse>(ReadOnlyMemory<byte> body, short version)
        where TResponse : class, IKafkaResponse, new()
    {
        var reader = new KafkaReader(body);
        var response = new TResponse();
        response.Read(ref reader, version);
        Assert.False(reader.Failed, $"the broker's {typeof(TResponse).Name} v{version} cannot be parsed");
        return response;
    }
}
