using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Hosting.Tests;

public sealed class ProduceAndFetchTests : IAsyncLifetime
{
    private KafkaBroker _broker = null!;
    private WireClient _client = null!;

    public async Task InitializeAsync()
    {
        _broker = await KafkaBroker.StartAsync();
        _client = await WireClient.ConnectAsync(_broker);
        await _client.CreateTopicAsync("t");
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _broker.DisposeAsync();
    }

    [Fact]
    public async Task Fetch_AtTheEnd_WaitsForTheNextRecord()
    {
        using WireClient producer = await WireClient.ConnectAsync(_broker);
        await _client.WriteAsync(WireClient.Fetch("t", 0, maxWaitMs: 25_000), ApiKey.Fetch, version: 12);

        await producer.ProduceAsync("t", WireClient.Batch("news"));
        var fetched = await _client.ReadAsync<FetchResponse>(ApiKey.Fetch, version: 12);

        Assert.Equal([(0, "news")], WireClient.Records(fetched.Responses[0].Partitions[0].Records));
    }

    [Fact]
    public async Task Fetch_WithMinBytes_WaitsUntilThereAreSoMany()
    {
        using WireClient producer = await WireClient.ConnectAsync(_broker);
        int oneBatch = WireClient.Batch("0123456789").Length;
        await _client.WriteAsync(
            WireClient.Fetch("t", 0, maxWaitMs: 25_000, minBytes: 3 * oneBatch), ApiKey.Fetch, version: 12);

        for (int i = 0; i < 3; i++)
        {
            await producer.ProduceAsync("t", WireClient.Batch("0123456789"));
        }

        var fetched = await _client.ReadAsync<FetchResponse>(ApiKey.Fetch, version: 12);
        Assert.Equal(3, WireClient.Records(fetched.Responses[0].Partitions[0].Records).Count);
    }

    [Fact]
    public async Task Fetch_WithNothingNew_AnswersEmptyAfterItsWait()
    {
        var fetched = await _client.FetchAsync("t", 0, maxWaitMs: 50);

        Assert.Equal((ErrorCode.None, 0), (fetched.ErrorCode, fetched.Records.Length));
    }

    [Fact]
    public async Task Fetch_OfABatchLargerThanItsLimit_GetsItAllTheSame()
    {
        string large = new('x', 10_000);
        await _client.ProduceAsync("t", WireClient.Batch(large));

        var fetched = await _client.FetchAsync("t", 0, maxBytes: 100);

        Assert.Equal(large, Assert.Single(WireClient.Records(fetched.Records)).Value);
    }

    [Fact]
    public async Task Fetch_BeyondTheEnd_IsOutOfRangeWithoutWaiting()
    {
        var fetched = await _client.FetchAsync("t", 5, maxWaitMs: 25_000);

        Assert.Equal(ErrorCode.OffsetOutOfRange, fetched.ErrorCode);
    }

    [Fact]
    public async Task Fetch_ParkedOnATopicThatIsDeleted_IsAnswered()
    {
        using WireClient other = await WireClient.ConnectAsync(_broker);
        await other.CreateTopicAsync("doomed");
        await _client.WriteAsync(WireClient.Fetch("doomed", 0, maxWaitMs: 25_000), ApiKey.Fetch, version: 12);

        await other.SendAsync<DeleteTopicsResponse>(
            new DeleteTopicsRequest { Topics = [new() { Name = "doomed" }], TimeoutMs = 10_000 }, ApiKey.DeleteTopics, 6);

        var fetched = await _client.ReadAsync<FetchResponse>(ApiKey.Fetch, version: 12);
        Assert.NotEqual(ErrorCode.None, fetched.Responses[0].Partitions[0].ErrorCode);
    }

    [Fact]
    public async Task Produce_RepeatedByAnIdempotentProducer_AnswersTheFirstOffset()
    {
        var given = await _client.SendAsync<InitProducerIdResponse>(
            new InitProducerIdRequest { TransactionalId = null }, ApiKey.InitProducerId, version: 4);
        ReadOnlyMemory<byte> Batch(int sequence, params string[] values) =>
            WireClient.Batch(given.ProducerId, sequence, values);

        var first = await _client.ProduceAsync("t", Batch(0, "a", "b"));
        var second = await _client.ProduceAsync("t", Batch(2, "c"));
        var repeated = await _client.ProduceAsync("t", Batch(0, "a", "b"));
        var gap = await _client.ProduceAsync("t", Batch(7, "d"));

        Assert.Equal(0, first.BaseOffset);
        Assert.Equal(2, second.BaseOffset);
        Assert.Equal((ErrorCode.None, 0L), (repeated.ErrorCode, repeated.BaseOffset));
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, gap.ErrorCode);
        Assert.Equal(["a", "b", "c"], WireClient.Records((await _client.FetchAsync("t", 0)).Records).Select(each => each.Value));
    }

    [Fact]
    public async Task Produce_AcrossTheLargestSequence_GoesOnAtZero()
    {
        var given = await _client.SendAsync<InitProducerIdResponse>(
            new InitProducerIdRequest { TransactionalId = null }, ApiKey.InitProducerId, version: 4);
        async Task<(ErrorCode, long)> SendAsync(int sequence, params string[] values)
        {
            var answer = await _client.ProduceAsync("t", WireClient.Batch(given.ProducerId, sequence, values));
            return (answer.ErrorCode, answer.BaseOffset);
        }

        // The second batch wraps within itself: its records have the sequences 2^31-1, 0 and 1.
        Assert.Equal((ErrorCode.None, 0L), await SendAsync(int.MaxValue - 2, "a", "b"));
        Assert.Equal((ErrorCode.OutOfOrderSequenceNumber, -1L), await SendAsync(0, "gap"));
        Assert.Equal((ErrorCode.None, 2L), await SendAsync(int.MaxValue, "c", "d", "e"));
        Assert.Equal((ErrorCode.OutOfOrderSequenceNumber, -1L), await SendAsync(0, "d", "e"));
        Assert.Equal((ErrorCode.None, 5L), await SendAsync(2, "f"));
        Assert.Equal((ErrorCode.None, 2L), await SendAsync(int.MaxValue, "c", "d", "e"));
        Assert.Equal((ErrorCode.None, 0L), await SendAsync(int.MaxValue - 2, "a", "b"));

        var records = WireClient.Records((await _client.FetchAsync("t", 0)).Records);
        Assert.Equal(["a", "b", "c", "d", "e", "f"], records.Select(each => each.Value));
    }

    [Fact]
    public async Task InitProducerId_AcrossARestart_NeverGivesAnIdTwice()
    {
        string directory = Directory.CreateTempSubdirectory("kafka-ids-").FullName;
        var ids = new HashSet<long>();
        for (int run = 0; run < 3; run++)
        {
            await using KafkaBroker broker = await KafkaBroker.StartAsync(new KafkaBrokerOptions { Directory = directory });
            using WireClient client = await WireClient.ConnectAsync(broker);
            for (int i = 0; i < 3; i++)
            {
                var given = await client.SendAsync<InitProducerIdResponse>(
                    new InitProducerIdRequest { TransactionalId = null }, ApiKey.InitProducerId, version: 4);
                Assert.True(ids.Add(given.ProducerId));
            }
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Produce_PipelinedOnManyConnections_GivesEachBatchItsOwnOffsetInOrder()
    {
        const int connections = 8;
        const int requests = 200;
        var offsets = await Task.WhenAll(Enumerable.Range(0, connections).Select(ProduceAllAsync));

        Assert.All(offsets, mine => Assert.Equal(mine.Order(), mine));
        Assert.Equal(Enumerable.Range(0, connections * requests).Select(i => (long)i), offsets.SelectMany(mine => mine).Order());

        var values = new List<string>();
        for (long next = 0; next < connections * requests;)
        {
            var records = WireClient.Records((await _client.FetchAsync("t", next)).Records);
            values.AddRange(records.Where(record => record.Offset >= next).Select(record => record.Value));
            next = records[^1].Offset + 1;
        }

        // Within a connection the records lie in the order of the requests.
        Assert.All(Enumerable.Range(0, connections), connection => Assert.Equal(
            Enumerable.Range(0, requests).Select(i => $"{connection}/{i}"),
            values.Where(value => value.StartsWith($"{connection}/", StringComparison.Ordinal))));

        async Task<List<long>> ProduceAllAsync(int connection)
        {
            using WireClient client = await WireClient.ConnectAsync(_broker);
            for (int i = 0; i < requests; i++)
            {
                await client.WriteAsync(
                    WireClient.Produce("t", WireClient.Batch($"{connection}/{i}")), ApiKey.Produce, version: 9);
            }

            var mine = new List<long>();
            for (int i = 0; i < requests; i++)
            {
                var response = await client.ReadAsync<ProduceResponse>(ApiKey.Produce, version: 9);
                mine.Add(response.Responses[0].PartitionResponses[0].BaseOffset);
            }

            return mine;
        }
    }

    [Fact]
    public async Task Produce_WithoutAcks_IsNotAnsweredAndIsThere()
    {
        await _client.WriteAsync(WireClient.Produce("t", WireClient.Batch("quiet"), acks: 0), ApiKey.Produce, version: 9);

        var fetched = await _client.FetchAsync("t", 0, maxWaitMs: 25_000);

        Assert.Equal([(0, "quiet")], WireClient.Records(fetched.Records));
    }

    [Fact]
    public async Task Produce_ToATopicOfTenPartitions_KeepsThemApart()
    {
        await _client.CreateTopicAsync("wide", partitions: 10);
        for (int partition = 0; partition < 10; partition++)
        {
            Assert.Equal(0, (await _client.ProduceAsync("wide", WireClient.Batch($"p{partition}"), partition)).BaseOffset);
        }

        var beyond = await _client.ProduceAsync("wide", WireClient.Batch("x"), partition: 10);
        Assert.Equal(ErrorCode.UnknownTopicOrPartition, beyond.ErrorCode);
    }
}
