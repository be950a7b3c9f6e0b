using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Hosting.Tests;

public sealed class KafkaBrokerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kafka-broker-tests-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task StartAsync_WithoutOptions_ServesOnAFreePort()
    {
        await using KafkaBroker broker = await KafkaBroker.StartAsync();
        using WireClient client = await WireClient.ConnectAsync(broker);
        await client.CreateTopicAsync("orders");

        var produced = await client.ProduceAsync("orders", WireClient.Batch("a", "b", "c"));
        var fetched = await client.FetchAsync("orders", offset: 0);

        Assert.Equal((ErrorCode.None, 0L), (produced.ErrorCode, produced.BaseOffset));
        Assert.Equal([(0, "a"), (1, "b"), (2, "c")], WireClient.Records(fetched.Records));
        Assert.Equal(3, fetched.HighWatermark);
    }

    [Fact]
    public async Task StartAsync_OfThreeBrokersInOneProcess_KeepsThemApart()
    {
        await using KafkaBroker first = await KafkaBroker.StartAsync();
        await using KafkaBroker second = await KafkaBroker.StartAsync();
        KafkaBroker third = await KafkaBroker.StartAsync();
        foreach ((KafkaBroker broker, string value) in new[] { (first, "one"), (second, "two"), (third, "three") })
        {
            using WireClient client = await WireClient.ConnectAsync(broker);
            await client.CreateTopicAsync("t");
            await client.ProduceAsync("t", WireClient.Batch(value));
        }

        await third.DisposeAsync();

        Assert.Equal("one", await OnlyValueAsync(first));
        Assert.Equal("two", await OnlyValueAsync(second));

        static async Task<string> OnlyValueAsync(KafkaBroker broker)
        {
            using WireClient client = await WireClient.ConnectAsync(broker);
            return Assert.Single(WireClient.Records((await client.FetchAsync("t", 0)).Records)).Value;
        }
    }

    [Fact]
    public async Task DisposeAsync_WithoutADirectory_LeavesNothingBehind()
    {
        KafkaBroker broker = await KafkaBroker.StartAsync();
        using (WireClient client = await WireClient.ConnectAsync(broker))
        {
            await client.CreateTopicAsync("t", partitions: 10);
            await client.ProduceAsync("t", WireClient.Batch("x"));
        }

        await broker.DisposeAsync();

        Assert.False(Directory.Exists(broker.Directory));
        await Assert.ThrowsAnyAsync<SocketException>(async () => (await WireClient.ConnectAsync(broker)).Dispose());
    }

    [Fact]
    public async Task StartAsync_AfterADefaultWasSetAtRunTime_HasLogsThatObeyItFromTheStart()
    {
        await using (KafkaBroker broker = await StartHereAsync())
        {
            using WireClient client = await WireClient.ConnectAsync(broker);
            await client.CreateTopicAsync("kept");
            IClusterGrain cluster = broker.Services.GetRequiredService<IGrainFactory>().GetGrain<IClusterGrain>("cluster");
            var before = new Dictionary<string, string>((await cluster.GetSnapshotAsync(-1))!.ClusterConfigs);
            TopicOutcome outcome = await cluster.ChangeConfigsAsync(new ConfigReplacement
            {
                ResourceType = (sbyte)ConfigResourceType.Broker,
                Name = "",
                Configs = new(before) { ["log.segment.bytes"] = "2000000" },
                Expected = before,
            });
            Assert.Equal((0, null), (outcome.Error, outcome.Message));
            Assert.Equal(2_000_000, OnlyLog(broker).Config.SegmentBytes);
        }

        await using KafkaBroker again = await StartHereAsync();
        Assert.Equal(2_000_000, OnlyLog(again).Config.SegmentBytes);

        static PartitionLog OnlyLog(KafkaBroker broker) =>
            broker.Services.GetRequiredService<LocalReplicas>().All.Single(replica => replica.Topic == "kept").Log;
    }

    [Fact]
    public async Task StartAsync_OnTheDirectoryOfAnEarlierBroker_HasItsTopicsAndRecords()
    {
        await using (KafkaBroker broker = await StartHereAsync())
        {
            using WireClient client = await WireClient.ConnectAsync(broker);
            await client.CreateTopicAsync("kept", 3, ("retention.ms", "-1"));
            await client.ProduceAsync("kept", WireClient.Batch("x", "y"), partition: 0);
        }

        await using KafkaBroker again = await StartHereAsync();
        using WireClient reader = await WireClient.ConnectAsync(again);
        var metadata = await reader.SendAsync<MetadataResponse>(
            new MetadataRequest { Topics = null }, ApiKey.Metadata, version: 12);

        var topic = Assert.Single(metadata.Topics);
        Assert.Equal(("kept", 3), (topic.Name, topic.Partitions.Count));
        Assert.Equal([(0, "x"), (1, "y")], WireClient.Records((await reader.FetchAsync("kept", 0)).Records));
        Assert.Equal(2, (await reader.ProduceAsync("kept", WireClient.Batch("z"))).BaseOffset);
    }

    [Fact]
    public async Task StartAsync_OnADirectoryInUse_SaysSoAndDisturbsNobody()
    {
        await using KafkaBroker broker = await StartHereAsync();

        var refused = await Assert.ThrowsAsync<BrokerStartException>(StartHereAsync);

        Assert.Contains(_directory, refused.Message);
        using WireClient client = await WireClient.ConnectAsync(broker);
        await client.CreateTopicAsync("still-there");
    }

    [Fact]
    public async Task StartAsync_OnAPortInUse_SaysSoAndFreesTheDirectory()
    {
        await using KafkaBroker broker = await KafkaBroker.StartAsync();
        var options = new KafkaBrokerOptions { Directory = _directory };
        options.Settings["listeners"] = $"PLAINTEXT://{broker.BootstrapServers}";

        var refused = await Assert.ThrowsAsync<BrokerStartException>(() => KafkaBroker.StartAsync(options));

        Assert.Contains(broker.BootstrapServers, refused.Message);
        await (await StartHereAsync()).DisposeAsync();
    }

    [Theory]
    [InlineData("num.partitionz", "3", "num.partitions")]
    [InlineData("num.partitions", "none", "num.partitions")]
    public async Task StartAsync_WithASettingThatCannotBe_NamesIt(string name, string value, string expected)
    {
        var options = new KafkaBrokerOptions();
        options.Settings[name] = value;

        var refused = await Assert.ThrowsAsync<BrokerSettingsException>(() => KafkaBroker.StartAsync(options));

        Assert.Contains(expected, refused.Message);
    }

    [Fact]
    public async Task DeleteTopic_ThenCreateItAgain_StartsEmptyUnderANewId()
    {
        await using KafkaBroker broker = await KafkaBroker.StartAsync();
        using WireClient client = await WireClient.ConnectAsync(broker);
        await client.CreateTopicAsync("t");
        await client.ProduceAsync("t", WireClient.Batch("old"));
        KafkaUuid before = await IdAsync();

        var deleted = await client.SendAsync<DeleteTopicsResponse>(
            new DeleteTopicsRequest { Topics = [new() { Name = "t" }], TimeoutMs = 10_000 }, ApiKey.DeleteTopics, version: 6);
        await client.CreateTopicAsync("t");

        Assert.Equal(ErrorCode.None, deleted.Responses[0].ErrorCode);
        Assert.NotEqual(before, await IdAsync());
        Assert.Equal(0, (await client.ProduceAsync("t", WireClient.Batch("new"))).BaseOffset);

        async Task<KafkaUuid> IdAsync() => (await client.SendAsync<MetadataResponse>(
            new MetadataRequest { Topics = [new() { Name = "t" }] }, ApiKey.Metadata, version: 12)).Topics[0].TopicId;
    }

    private Task<KafkaBroker> StartHereAsync() => KafkaBroker.StartAsync(new KafkaBrokerOptions { Directory = _directory });
}
