using Orleans.Kafka.Grains.Groups.Lag;
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

    [Fact]
    public async Task Lag_InPartitionsOfOtherBrokers_IsKnownAsLongAsTheyLive()
    {
        await using BrokerCluster cluster = await BrokerCluster.StartAsync(3);
        using WireClient first = await cluster.ConnectAsync(1);
        await first.CreateTopicAsync("t", partitions: 3);
        var leaders = (await MetadataAsync(first)).Topics[0].Partitions.ToDictionary(
            each => each.PartitionIndex, each => each.LeaderId);
        DateTimeOffset written = DateTimeOffset.UtcNow.AddHours(-1);
        foreach ((int partition, int leader) in leaders)
        {
            using WireClient client = await cluster.ConnectAsync(leader);
            string[] values = [.. Enumerable.Range(0, partition + 2).Select(each => $"{each}")];
            await client.ProduceAsync("t", WireClient.Batch(written, values), partition);
        }

        var found = await first.SendAsync<FindCoordinatorResponse>(
            new FindCoordinatorRequest { Key = "group" }, ApiKey.FindCoordinator, version: 3);
        int coordinator = found.NodeId;
        using WireClient asking = await cluster.ConnectAsync(coordinator);
        await CommitOneAsync(asking, "group", leaders.Keys);
        IReadOnlyList<PartitionLag> all = await cluster.GroupLagAsync(coordinator, "group");
        int killed = leaders.Values.First(each => each != coordinator);
        await cluster.KillAsync(killed);
        IReadOnlyList<PartitionLag> some = await cluster.GroupLagAsync(coordinator, "group");

        Assert.Equal([1, 2, 3], all.Select(each => each.Records));
        Assert.All(all, each => Assert.InRange(each.Age!.Value, TimeSpan.FromHours(1), TimeSpan.FromHours(1.5)));
        Assert.Equal(
            leaders.OrderBy(each => each.Key).Select(each => each.Value == killed ? -1L : each.Key + 1),
            some.Select(each => each.Records));
        Assert.Null(some.Single(each => each.Records < 0).Age);
        int third = 6 - coordinator - killed;
        Assert.Empty(await cluster.GroupLagAsync(third, "group"));
    }

    /// <summary>Says that the first record of each partition has been read.</summary>
    private static async Task CommitOneAsync(WireClient client, string group, IEnumerable<int> partitions)
    {
        var request = new OffsetCommitRequest { GroupId = group, GenerationIdOrMemberEpoch = -1 };
        request.Topics.Add(new()
        {
            Name = "t",
            Partitions = [.. partitions.Select(
                each => new OffsetCommitRequest.OffsetCommitRequestPartition { PartitionIndex = each, CommittedOffset = 1 })],
        });
        OffsetCommitResponse response;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        do
        {
            response = await client.SendAsync<OffsetCommitResponse>(request, ApiKey.OffsetCommit, version: 8);
        }
        while (response.Topics[0].Partitions.Any(each => each.ErrorCode != ErrorCode.None) && !patience.IsCancellationRequested);
        Assert.All(response.Topics[0].Partitions, each => Assert.Equal(ErrorCode.None, each.ErrorCode));
    }

    private static Task<MetadataResponse> MetadataAsync(WireClient client) => client.SendAsync<MetadataResponse>(
        new MetadataRequest { Topics = [new() { Name = "t" }] }, ApiKey.Metadata, version: 12);
}
