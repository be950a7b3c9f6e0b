namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>One partition of a topic, by the topic's id.</summary>
internal readonly record struct TopicIdPartition(Guid TopicId, int Partition);

/// <summary>How far a member is on its way to its target; the numbers are those of Kafka's records.</summary>
internal enum ConsumerMemberState : sbyte
{
    /// <summary>It has what it is to have.</summary>
    Stable = 0,

    /// <summary>It must give partitions up before it may have others.</summary>
    UnrevokedPartitions = 1,

    /// <summary>It waits for partitions that others still have.</summary>
    UnreleasedPartitions = 2,
}

/// <summary>What a member said that speaks the classic protocol.</summary>
/// <param name="SessionTimeoutMs">session.timeout.ms</param>
/// <param name="Protocols">What it can do, what it likes best first.</param>
internal sealed record ClassicSide(int SessionTimeoutMs, GroupProtocol[] Protocols);

/// <summary>A member of a group of the consumer protocol.</summary>
internal sealed class ConsumerMember
{
    /// <summary>The epoch of a static member that is away for a while.</summary>
    public const int AwayEpoch = -2;

    /// <summary>The member id. A static member that comes back has a new one.</summary>
    public required string Id { get; set; }

    /// <summary>group.instance.id; null for a dynamic member.</summary>
    public string? InstanceId { get; set; }

    /// <summary>Where it is; null when it does not say.</summary>
    public string? RackId { get; set; }

    /// <summary>The client's own name.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>Where the client is.</summary>
    public string ClientHost { get; set; } = "";

    /// <summary>The topics it subscribes to by name, in order, each once.</summary>
    public string[] Topics { get; set; } = [];

    /// <summary>The pattern it subscribes to; null for none.</summary>
    public string? Pattern { get; set; }

    /// <summary>The assignor that it would like; null when it does not say.</summary>
    public string? ServerAssignor { get; set; }

    /// <summary>How long it may take to give partitions up.</summary>
    public int RebalanceTimeoutMs { get; set; }

    /// <summary>What it said in the classic protocol; null when it speaks the consumer protocol.</summary>
    public ClassicSide? Classic { get; set; }

    /// <summary>The assignment epoch that it has reached.</summary>
    public int Epoch { get; set; }

    /// <summary>The epoch before: it may still believe in that one, when an answer was lost.</summary>
    public int PreviousEpoch { get; set; }

    /// <summary>How far it is.</summary>
    public ConsumerMemberState State { get; set; }

    /// <summary>What it has or may take, with the assignment epoch since when.</summary>
    public Dictionary<TopicIdPartition, int> Assigned { get; set; } = [];

    /// <summary>What it was told to give up and has not yet, with the assignment epoch since when it has it.</summary>
    public Dictionary<TopicIdPartition, int> PendingRevocation { get; set; } = [];

    /// <summary>What it is to have; null before the first assignment.</summary>
    public HashSet<TopicIdPartition>? Target { get; set; }

    /// <summary>When it is given up, on the forward clock.</summary>
    public long SessionDeadline { get; set; } = Group.Never;

    /// <summary>By when it must have given up what it was told to.</summary>
    public long RevocationDeadline { get; set; } = Group.Never;

    /// <summary>By when a classic member must have joined again, or have asked for its assignment.</summary>
    public long ClassicDeadline { get; set; } = Group.Never;

    /// <summary>The log does not have it as it is.</summary>
    public bool IsUnwritten { get; set; }

    /// <summary>It is a static member that left for a while.</summary>
    public bool IsAway => Epoch == AwayEpoch;

    /// <summary>The next of its deadlines.</summary>
    public long NextDeadline => Math.Min(SessionDeadline, Math.Min(RevocationDeadline, ClassicDeadline));
}
