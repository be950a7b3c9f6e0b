using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>
/// A consumer group, of the classic or the consumer protocol: its members, its committed offsets. Lives on the broker
/// that leads the group's partition of <c>__consumer_offsets</c>; key: <see cref="GroupKey"/>. Error codes are Kafka's.
/// An answer that tells of a change is given when the change is in the log.
/// </summary>
[Alias("kafka.IGroupGrain")]
public interface IGroupGrain : IGrainWithStringKey
{
    /// <summary>JoinGroup. Answers when the join phase ends: at once, or after all members came or were given up.</summary>
    [Alias("Join"), ResponseTimeout(GroupWaits.Join)]
    Task<GroupJoinReply> JoinAsync(GroupJoin join);

    /// <summary>SyncGroup. A follower is answered when the leader has sent the assignment.</summary>
    [Alias("Sync"), ResponseTimeout(GroupWaits.Join)]
    Task<GroupSyncReply> SyncAsync(GroupSync sync);

    /// <summary>Heartbeat: 0, or why the member must join again.</summary>
    [Alias("Heartbeat")]
    Task<short> HeartbeatAsync(GroupIdentity member, int generation);

    /// <summary>LeaveGroup, for one or many; one error for each.</summary>
    [Alias("Leave")]
    Task<short[]> LeaveAsync(GroupIdentity[] members);

    /// <summary>OffsetCommit; one error for each offset.</summary>
    [Alias("Commit")]
    Task<short[]> CommitAsync(GroupCommit commit);

    /// <summary>OffsetFetch: the offsets asked for, -1 where there is none; all there are for null.</summary>
    [Alias("FetchOffsets")]
    Task<GroupOffset[]> FetchOffsetsAsync(GroupPartitionName[]? wanted);

    /// <summary>OffsetFetch by a member that says which it is; refused when its epoch is not its own.</summary>
    [Alias("FetchMemberOffsets")]
    Task<GroupFetchReply> FetchMemberOffsetsAsync(GroupFetch fetch);

    /// <summary>ConsumerGroupHeartbeat.</summary>
    [Alias("ConsumerHeartbeat")]
    Task<ConsumerHeartbeatReply> ConsumerHeartbeatAsync(ConsumerHeartbeat heartbeat);

    /// <summary>ConsumerGroupDescribe; null when there is no such group of the consumer protocol.</summary>
    [Alias("DescribeConsumers")]
    Task<ConsumerGroupDescription?> DescribeConsumersAsync();

    /// <summary>OffsetDelete.</summary>
    [Alias("DeleteOffsets")]
    Task<GroupOffsetDeletion> DeleteOffsetsAsync(GroupPartitionName[] partitions);

    /// <summary>DescribeGroups; null when there is no such group.</summary>
    [Alias("Describe")]
    Task<GroupDescription?> DescribeAsync();

    /// <summary>DeleteGroups: NON_EMPTY_GROUP while it has members, GROUP_ID_NOT_FOUND when there is none.</summary>
    [Alias("Delete")]
    Task<short> DeleteAsync();

    /// <summary>Forgets offsets past <c>offsets.retention.minutes</c>, and the group when nothing is left of it.</summary>
    [Alias("ExpireOffsets")]
    Task ExpireOffsetsAsync();

    /// <summary>Forgets what is committed for a topic that was deleted.</summary>
    [Alias("ForgetTopic")]
    Task ForgetTopicAsync(string name, Guid topicId);
}

/// <summary>How long a call to a group may take.</summary>
internal static class GroupWaits
{
    /// <summary>A join waits up to the largest rebalance timeout in the group, which the members choose.</summary>
    public const string Join = "1.00:00:00";
}

/// <summary>The key of a group's grain: <c>group id/broker id</c>.</summary>
public static class GroupKey
{
    /// <summary>Builds the key.</summary>
    public static string Of(string groupId, int brokerId) => string.Create(null, $"{groupId}/{brokerId}");

    /// <summary>The group id in a key.</summary>
    public static string GroupOf(string key) => key[..key.LastIndexOf('/')];
}

/// <summary>A member in a request: by member id, or by instance id (KIP-345), or both.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupIdentity")]
public sealed record GroupIdentity
{
    /// <summary>The member id; empty when only the instance is named.</summary>
    [Id(0)] public required string MemberId { get; init; }

    /// <summary>group.instance.id; null for a dynamic member.</summary>
    [Id(1)] public string? InstanceId { get; init; }
}

/// <summary>A protocol a member can follow, and what it has to say to that protocol's leader.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupProtocol")]
public sealed record GroupProtocol
{
    /// <summary>The protocol's name; for consumers that of the assignor.</summary>
    [Id(0)] public required string Name { get; init; }

    /// <summary>For consumers the subscription.</summary>
    [Id(1)] public required byte[] Metadata { get; init; }
}

/// <summary>JoinGroup.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupJoin")]
public sealed record GroupJoin
{
    /// <summary>Who; the member id is empty on the first join.</summary>
    [Id(0)] public required GroupIdentity Member { get; init; }

    /// <summary>The client's own name.</summary>
    [Id(1)] public required string ClientId { get; init; }

    /// <summary>Where the client is.</summary>
    [Id(2)] public required string ClientHost { get; init; }

    /// <summary>session.timeout.ms</summary>
    [Id(3)] public required int SessionTimeoutMs { get; init; }

    /// <summary>How long others wait for this member to join again.</summary>
    [Id(4)] public required int RebalanceTimeoutMs { get; init; }

    /// <summary><c>consumer</c>, <c>connect</c> and the like: one for all members.</summary>
    [Id(5)] public required string ProtocolType { get; init; }

    /// <summary>What the member can do, what it likes best first.</summary>
    [Id(6)] public required GroupProtocol[] Protocols { get; init; }

    /// <summary>A dynamic member must come back with the id it is given (KIP-394, JoinGroup v4).</summary>
    [Id(7)] public bool RequiresMemberId { get; init; }

    /// <summary>The client understands that its assignment stands (KIP-814, JoinGroup v9).</summary>
    [Id(8)] public bool CanSkipAssignment { get; init; }
}

/// <summary>What a leader is told of a member.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupJoinMember")]
public sealed record GroupJoinMember
{
    /// <summary>Who.</summary>
    [Id(0)] public required GroupIdentity Member { get; init; }

    /// <summary>Its words on the chosen protocol.</summary>
    [Id(1)] public required byte[] Metadata { get; init; }
}

/// <summary>The answer to JoinGroup.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupJoinReply")]
public sealed record GroupJoinReply
{
    /// <summary>Kafka's error code.</summary>
    [Id(0)] public short Error { get; init; }

    /// <summary>The generation that the member is in now; -1 on error.</summary>
    [Id(1)] public int Generation { get; init; } = -1;

    /// <summary>The group's protocol type; null on error.</summary>
    [Id(2)] public string? ProtocolType { get; init; }

    /// <summary>The protocol that was voted for; null on error.</summary>
    [Id(3)] public string? ProtocolName { get; init; }

    /// <summary>The member id of the leader; empty on error.</summary>
    [Id(4)] public string Leader { get; init; } = "";

    /// <summary>The leader need not assign: the assignment of this generation stands.</summary>
    [Id(5)] public bool SkipAssignment { get; init; }

    /// <summary>The member's id.</summary>
    [Id(6)] public string MemberId { get; init; } = "";

    /// <summary>All members, for the leader only.</summary>
    [Id(7)] public GroupJoinMember[] Members { get; init; } = [];
}

/// <summary>What the leader gives to a member.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupAssignment")]
public sealed record GroupAssignment
{
    /// <summary>To whom.</summary>
    [Id(0)] public required string MemberId { get; init; }

    /// <summary>What.</summary>
    [Id(1)] public required byte[] Assignment { get; init; }
}

/// <summary>SyncGroup.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupSync")]
public sealed record GroupSync
{
    /// <summary>Who.</summary>
    [Id(0)] public required GroupIdentity Member { get; init; }

    /// <summary>The generation it joined.</summary>
    [Id(1)] public required int Generation { get; init; }

    /// <summary>The protocol type it believes in; null is not checked.</summary>
    [Id(2)] public string? ProtocolType { get; init; }

    /// <summary>The protocol it believes in; null is not checked.</summary>
    [Id(3)] public string? ProtocolName { get; init; }

    /// <summary>The leader's assignment.</summary>
    [Id(4)] public GroupAssignment[] Assignments { get; init; } = [];
}

/// <summary>The answer to SyncGroup.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupSyncReply")]
public sealed record GroupSyncReply
{
    /// <summary>Kafka's error code.</summary>
    [Id(0)] public short Error { get; init; }

    /// <summary>The group's protocol type; null on error.</summary>
    [Id(1)] public string? ProtocolType { get; init; }

    /// <summary>The group's protocol; null on error.</summary>
    [Id(2)] public string? ProtocolName { get; init; }

    /// <summary>What the member got.</summary>
    [Id(3)] public byte[] Assignment { get; init; } = [];
}

/// <summary>What DescribeGroups shows of a group.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupDescription")]
public sealed record GroupDescription
{
    /// <summary>Kafka's name of the state.</summary>
    [Id(0)] public required string State { get; init; }

    /// <summary>The protocol type; empty when there never was a member.</summary>
    [Id(1)] public required string ProtocolType { get; init; }

    /// <summary>The protocol, in a stable group; else empty.</summary>
    [Id(2)] public required string Protocol { get; init; }

    /// <summary>The members.</summary>
    [Id(3)] public required GroupMemberDescription[] Members { get; init; }
}

/// <summary>What DescribeGroups shows of a member.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupMemberDescription")]
public sealed record GroupMemberDescription
{
    /// <summary>Who.</summary>
    [Id(0)] public required GroupIdentity Member { get; init; }

    /// <summary>The client's own name.</summary>
    [Id(1)] public required string ClientId { get; init; }

    /// <summary>Where the client is.</summary>
    [Id(2)] public required string ClientHost { get; init; }

    /// <summary>Its subscription, in a stable group; else empty.</summary>
    [Id(3)] public required byte[] Metadata { get; init; }

    /// <summary>Its assignment.</summary>
    [Id(4)] public required byte[] Assignment { get; init; }
}
