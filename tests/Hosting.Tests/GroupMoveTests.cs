using Microsoft.Extensions.DependencyInjection;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Hosting.Tests;

/// <summary>What members hear when the partition of their group gets another leader.</summary>
public sealed class GroupMoveTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Members_WhenTheirGroupMoves_AreSentAwayAndFindItAsItWasWritten()
    {
        await using KafkaBroker broker = await KafkaBroker.StartAsync();
        using WireClient first = await WireClient.ConnectAsync(broker);
        using WireClient second = await WireClient.ConnectAsync(broker);
        await first.CreateTopicAsync("t");
        JoinGroupResponse joined = await JoinAndSyncAsync(first);
        await second.WriteAsync(Join(), ApiKey.JoinGroup, version: 3);
        await UntilAsync(async () => await HeartbeatAsync(first, joined) == ErrorCode.RebalanceInProgress);

        Replica replica = PartitionOf(broker, "group");
        ReplicaRole leader = replica.Role;
        await replica.ChangeRoleAsync(leader with { IsLeader = false, LeaderEpoch = leader.LeaderEpoch + 1 }, static _ => { });
        var refused = await second.ReadAsync<JoinGroupResponse>(ApiKey.JoinGroup, version: 3).WaitAsync(Patience);
        Assert.Equal(ErrorCode.NotCoordinator, refused.ErrorCode);
        Assert.Equal(ErrorCode.NotCoordinator, await HeartbeatAsync(first, joined));

        int epoch = leader.LeaderEpoch + 2;
        await replica.ChangeRoleAsync(
            leader with { LeaderEpoch = epoch }, log => log.AssignLeaderEpoch(epoch, log.Offsets.LogEnd));
        await UntilAsync(async () => await HeartbeatAsync(first, joined) == ErrorCode.None);
        Assert.Equal(ErrorCode.None, await CommitAsync(first, joined, joined.GenerationId));
        Assert.Equal(ErrorCode.IllegalGeneration, await CommitAsync(first, joined, joined.GenerationId - 1));
    }

    [Fact]
    public async Task Stop_WhileSomebodyWaitsForARebalance_WaitsForNobody()
    {
        await using KafkaBroker broker = await KafkaBroker.StartAsync();
        using WireClient first = await WireClient.ConnectAsync(broker);
        using WireClient second = await WireClient.ConnectAsync(broker);
        JoinGroupResponse joined = await JoinAndSyncAsync(first);
        await second.WriteAsync(Join(), ApiKey.JoinGroup, version: 3);
        await UntilAsync(async () => await HeartbeatAsync(first, joined) == ErrorCode.RebalanceInProgress);

        Task stop = broker.DisposeAsync().AsTask();
        var refused = await second.ReadAsync<JoinGroupResponse>(ApiKey.JoinGroup, version: 3).WaitAsync(Patience);
        await stop.WaitAsync(Patience);

        Assert.Equal(ErrorCode.NotCoordinator, refused.ErrorCode);
    }

    private static Replica PartitionOf(KafkaBroker broker, string group)
    {
        MetadataImage image = broker.Services.GetRequiredService<MetadataCache>().Current;
        TopicImage topic = image.Topics[TopicName.ConsumerOffsets];
        int partition = CoordinatorPartition.Of(group, topic.Partitions.Length);
        Assert.True(broker.Services.GetRequiredService<LocalReplicas>().TryGet(topic.Id, partition, out Replica? replica));
        return replica!;
    }

    private static JoinGroupRequest Join() => new()
    {
        GroupId = "group",
        SessionTimeoutMs = 30_000,
        RebalanceTimeoutMs = 60_000,
        ProtocolType = "consumer",
        Protocols = [new() { Name = "range" }],
    };

    private static async Task<JoinGroupResponse> JoinAndSyncAsync(WireClient client)
    {
        JoinGroupResponse joined = null!;
        await UntilAsync(async () =>
        {
            await client.SendAsync<FindCoordinatorResponse>(
                new FindCoordinatorRequest { Key = "group" }, ApiKey.FindCoordinator, version: 3);
            joined = await client.SendAsync<JoinGroupResponse>(Join(), ApiKey.JoinGroup, version: 3);
            return joined.ErrorCode == ErrorCode.None;
        });
        var sync = new SyncGroupRequest
        {
            GroupId = "group",
            GenerationId = joined.GenerationId,
            MemberId = joined.MemberId,
        };
        var synced = await client.SendAsync<SyncGroupResponse>(sync, ApiKey.SyncGroup, version: 3);
        Assert.Equal(ErrorCode.None, synced.ErrorCode);
        return joined;
    }

    private static async Task<ErrorCode> HeartbeatAsync(WireClient client, JoinGroupResponse member)
    {
        var request = new HeartbeatRequest
        {
            GroupId = "group",
            MemberId = member.MemberId,
            GenerationId = member.GenerationId,
        };
        return (await client.SendAsync<HeartbeatResponse>(request, ApiKey.Heartbeat, version: 3)).ErrorCode;
    }

    private static async Task<ErrorCode> CommitAsync(WireClient client, JoinGroupResponse member, int generation)
    {
        var request = new OffsetCommitRequest
        {
            GroupId = "group",
            MemberId = member.MemberId,
            GenerationIdOrMemberEpoch = generation,
            Topics = [new() { Name = "t", Partitions = [new() { CommittedOffset = 1 }] }],
        };
        var response = await client.SendAsync<OffsetCommitResponse>(request, ApiKey.OffsetCommit, version: 8);
        return response.Topics[0].Partitions[0].ErrorCode;
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await isSo())
        {
            await Task.Delay(10, patience.Token);
        }
    }
}
