using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>A group as its records have it.</summary>
internal sealed class GroupImage
{
    /// <summary>The group's members and generation; null when only offsets were ever written.</summary>
    public GroupMetadataValue? State { get; set; }

    /// <summary>The offsets.</summary>
    public GroupOffsets Offsets { get; } = new();

    /// <summary>Nothing is left of it.</summary>
    public bool IsEmpty => State is null && Offsets.Count == 0;
}
