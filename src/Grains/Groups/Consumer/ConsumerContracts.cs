namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>Some partitions of one topic.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupTopicPartitions")]
public sealed record GroupTopicPartitions
{
    /// <summary>The topic's id.</summary>
    [Id(0)] public required Guid TopicId { get; init; }

    /// <summary>The partitions.</summary>
    [Id(1)] public required int[] Partitions { get; init; }
}

/// <summary>ConsumerGroupHeartbeat (KIP-848). Null: as it was.</summary>
[GenerateSerializer, Immutable, Alias("kafka.ConsumerHeartbeat")]
public sealed record ConsumerHeartbeat
{
    /// <summary>The member; made by the client since version 1.</summary>
    [Id(0)] public required string MemberId { get; init; }

    /// <summary>What the member has reached; 0 to join, -1 to leave, -2 to leave for a while (static members).</summary>
    [Id(1)] public required int MemberEpoch { get; init; }

    /// <summary>group.instance.id; null for a dynamic member.</summary>
    [Id(2)] public string? InstanceId { get; init; }

    /// <summary>Where the client is; null when it does not say.</summary>
    [Id(3)] public string? RackId { get; init; }

    /// <summary>How long the member may take to give partitions up, in milliseconds; -1: as it was.</summary>
    [Id(4)] public int RebalanceTimeoutMs { get; init; } = -1;

    /// <summary>The topics it subscribes to by name.</summary>
    [Id(5)] public string[]? Topics { get; init; }

    /// <summary>The pattern it subscribes to; empty for none any more.</summary>
    [Id(6)] public string? Pattern { get; init; }

    /// <summary>The assignor that it would like.</summary>
    [Id(7)] public string? ServerAssignor { get; init; }

    /// <summary>What it has.</summary>
    [Id(8)] public GroupTopicPartitions[]? Owned { get; init; }

    /// <summary>The client's own name.</summary>
    [Id(9)] public required string ClientId { get; init; }

    /// <summary>Where the client is.</summary>
    [Id(10)] public required string ClientHost { get; init; }

    /// <summary>A member without an id is given one when it joins (version 0).</summary>
    [Id(11)] public bool NeedsMemberId { get; init; }
}

/// <summary>The answer to ConsumerGroupHeartbeat.</summary>
[GenerateSerializer, Immutable, Alias("kafka.ConsumerHeartbeatReply")]
public sealed record ConsumerHeartbeatReply
{
    /// <summary>Kafka's error code.</summary>
    [Id(0)] public short Error { get; init; }

    /// <summary>What is wrong, in words; null when nothing is.</summary>
    [Id(1)] public string? Message { get; init; }

    /// <summary>The member; null on error.</summary>
    [Id(2)] public string? MemberId { get; init; }

    /// <summary>What the member has reached.</summary>
    [Id(3)] public int MemberEpoch { get; init; }

    /// <summary>When to come again, in milliseconds.</summary>
    [Id(4)] public int HeartbeatIntervalMs { get; init; }

    /// <summary>What the member is to have; null: as it was.</summary>
    [Id(5)] public GroupTopicPartitions[]? Assignment { get; init; }
}

/// <summary>What ConsumerGroupDescribe shows of a group.</summary>
[GenerateSerializer, Immutable, Alias("kafka.ConsumerGroupDescription")]
public sealed record ConsumerGroupDescription
{
    /// <summary>Kafka's name of the state.</summary>
    [Id(0)] public required string State { get; init; }

    /// <summary>Grows with every change of members, subscriptions or topics.</summary>
    [Id(1)] public required int GroupEpoch { get; init; }

    /// <summary>The group epoch for which was last assigned.</summary>
    [Id(2)] public required int AssignmentEpoch { get; init; }

    /// <summary>The assignor that most members wish.</summary>
    [Id(3)] public required string AssignorName { get; init; }

    /// <summary>The members.</summary>
    [Id(4)] public required ConsumerMemberDescription[] Members { get; init; }
}

/// <summary>What ConsumerGroupDescribe shows of a member.</summary>
[GenerateSerializer, Immutable, Alias("kafka.ConsumerMemberDescription")]
public sealed record ConsumerMemberDescription
{
    /// <summary>Who.</summary>
    [Id(0)] public required GroupIdentity Member { get; init; }

    /// <summary>Where it is; null when it does not say.</summary>
    [Id(1)] public string? RackId { get; init; }

    /// <summary>What it has reached.</summary>
    [Id(2)] public required int MemberEpoch { get; init; }

    /// <summary>The client's own name.</summary>
    [Id(3)] public required string ClientId { get; init; }

    /// <summary>Where the client is.</summary>
    [Id(4)] public required string ClientHost { get; init; }

    /// <summary>The topics it subscribes to by name.</summary>
    [Id(5)] public required string[] Topics { get; init; }

    /// <summary>The pattern it subscribes to; empty for none.</summary>
    [Id(6)] public required string Pattern { get; init; }

    /// <summary>What it has, with what it is giving up.</summary>
    [Id(7)] public required GroupTopicPartitions[] Assignment { get; init; }

    /// <summary>What it is to have.</summary>
    [Id(8)] public required GroupTopicPartitions[] TargetAssignment { get; init; }

    /// <summary>It speaks the classic protocol.</summary>
    [Id(9)] public required bool IsClassic { get; init; }
}

/// <summary>OffsetFetch by a member (version 9 and above).</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupFetch")]
public sealed record GroupFetch
{
    /// <summary>The member; null for who does not say.</summary>
    [Id(0)] public required string? MemberId { get; init; }

    /// <summary>The member's epoch; negative for none.</summary>
    [Id(1)] public required int MemberEpoch { get; init; }

    /// <summary>The partitions; null for all.</summary>
    [Id(2)] public required GroupPartitionName[]? Wanted { get; init; }
}

/// <summary>The answer to OffsetFetch by a member.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupFetchReply")]
public sealed record GroupFetchReply
{
    /// <summary>Kafka's error code.</summary>
    [Id(0)] public short Error { get; init; }

    /// <summary>The offsets; none on error.</summary>
    [Id(1)] public GroupOffset[] Offsets { get; init; } = [];
}
