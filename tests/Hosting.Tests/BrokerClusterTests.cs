using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Hosting.Tests;

public sealed class BrokerClusterTests
{
    [Fact]
    public async Task CreateTopic_OnThreeBrokers_SpreadsLeadersThatServeAtOnce()
    {
        await using BrokerCluster cluster = await BrokerCluster.StartAsync(3);
        using WireClient first = await cluster.ConnectAsync(1);
        await first.CreateTopicAsync("t", partitions: 6);

        foreach (int broker in new[] { 1, 2, 3 })
        {
            using WireClient client = await cluster.ConnectAsync(broker);
            MetadataResponse metadata = await MetadataAsync(client);
            Assert.Equal([1, 2, 3], metadata.Brokers.Select(each => each.NodeId));
            Assert.All(new[] { 1, 2, 3 }, id => Assert.Equal(2, metadata.Topics[0].Partitions.Count(each => each.LeaderId == id)));
            foreach (var partition in metadata.Topics[0].Partitions)
            {
                var answer = await client.ProduceAsync("t", WireClient.Batch("x"), partition.PartitionIndex);
                Assert.Equal(
                    partition.LeaderId == broker ? ErrorCode.None : ErrorCode.NotLeaderOrFollower, answer.ErrorCode);
            }
        }
    }

    [Fact]
    public async Task Metadata_AfterABrokerDied_NamesNoLeaderForItsPartitions()
    {
        await using BrokerCluster cluster = await BrokerCluster.StartAsync(3);
        using WireClient first = await cluster.ConnectAsync(1);
        await first.CreateTopicAsync("t", partitions: 6);

        await cluster.KillAsync(3);
        MetadataResponse metadata = await MetadataAsync(first);

        Assert.Equal([1, 2], metadata.Brokers.Select(each => each.NodeId));
        Assert.Equal(2, metadata.Topics[0].Partitions.Count(
            each => each is { LeaderId: -1, ErrorCode: ErrorCode.LeaderNotAvailable, OfflineReplicas: [3] }));
        Assert.Equal(4, metadata.Topics[0].Partitions.Count(each => each.ErrorCode == ErrorCode.None));
        await first.CreateTopicAsync("still-possible", partitions: 4);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Broker_AfterAnotherOneWent_ServesItsOwnPartitionsOn(bool inGoodOrder)
    {
        await using BrokerCluster cluster = await BrokerCluster.StartAsync(2);
        using WireClient first = await cluster.ConnectAsync(1);
        await first.CreateTopicAsync("t", partitions: 40);
        int[] own = [.. (await MetadataAsync(first)).Topics[0].Partitions
            .Where(each => each.LeaderId == 1).Select(each => each.PartitionIndex)];
        Assert.Equal(20, own.Length);

        await (inGoodOrder ? cluster.StopAsync(2) : cluster.KillAsync(2));
        await first.CreateTopicAsync("later");

        foreach (int partition in own.Concat(own))
        {
            var answer = await first.ProduceAsync("t", WireClient.Batch("x"), partition);
            Assert.Equal(ErrorCode.None, answer.ErrorCode);
        }
    }

    private static Task<MetadataResponse> MetadataAsync(WireClient client) => client.SendAsync<MetadataResponse>(
        new MetadataRequest { Topics = [new() { Name = "t" }] }, ApiKey.Metadata, version: 12);
}
