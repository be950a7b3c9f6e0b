namespace Orleans.Kafka.Grains.Groups;

/// <summary>A partition in a request about offsets.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupPartitionName")]
public sealed record GroupPartitionName
{
    /// <summary>The topic.</summary>
    [Id(0)] public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    [Id(1)] public required int Partition { get; init; }

    /// <summary>The topic's id; empty when it does not matter which topic of the name is meant.</summary>
    [Id(2)] public Guid TopicId { get; init; }
}

/// <summary>OffsetCommit.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupCommit")]
public sealed record GroupCommit
{
    /// <summary>Who; an empty member id for who uses the group without joining it.</summary>
    [Id(0)] public required GroupIdentity Member { get; init; }

    /// <summary>The member's generation; negative for none.</summary>
    [Id(1)] public required int Generation { get; init; }

    /// <summary>The version of the request: what a stranger is told depends on it.</summary>
    [Id(2)] public required short Version { get; init; }

    /// <summary>How long the offsets are to be kept (OffsetCommit v2-4); -1 for the broker's setting.</summary>
    [Id(3)] public long RetentionTimeMs { get; init; } = -1;

    /// <summary>The offsets.</summary>
    [Id(4)] public required GroupOffset[] Offsets { get; init; }
}

/// <summary>A committed offset.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupOffset")]
public sealed record GroupOffset
{
    /// <summary>The topic.</summary>
    [Id(0)] public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    [Id(1)] public required int Partition { get; init; }

    /// <summary>The topic's id; empty when it was unknown.</summary>
    [Id(2)] public Guid TopicId { get; init; }

    /// <summary>The offset of the next record to read; -1 for none.</summary>
    [Id(3)] public required long Offset { get; init; }

    /// <summary>The leader epoch of the last record read, or -1.</summary>
    [Id(4)] public int LeaderEpoch { get; init; } = -1;

    /// <summary>Whatever the client wishes to remember.</summary>
    [Id(5)] public string Metadata { get; init; } = "";
}

/// <summary>The answer to OffsetDelete.</summary>
[GenerateSerializer, Immutable, Alias("kafka.GroupOffsetDeletion")]
public sealed record GroupOffsetDeletion
{
    /// <summary>Kafka's error code for the whole group.</summary>
    [Id(0)] public short Error { get; init; }

    /// <summary>One error for each partition asked for.</summary>
    [Id(1)] public short[] Errors { get; init; } = [];
}
