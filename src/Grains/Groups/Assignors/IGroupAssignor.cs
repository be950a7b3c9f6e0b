namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>One partition of a topic.</summary>
public readonly record struct TopicPartition(string Topic, int Partition);

/// <summary>A member of a group as an assignor sees it.</summary>
/// <param name="Id">The member's id; unique in the group.</param>
/// <param name="InstanceId">The id of a static member (KIP-345), by which it is sorted; null for a dynamic one.</param>
/// <param name="Topics">What the member subscribes to.</param>
public sealed record AssignorMember(string Id, string? InstanceId, IReadOnlySet<string> Topics)
{
    /// <summary>What the member had in <see cref="Generation"/>.</summary>
    public IReadOnlyList<TopicPartition> Owned { get; init; } = [];

    /// <summary>The generation in which it had <see cref="Owned"/>; the newest claim to a partition wins (KIP-341).</summary>
    public int Generation { get; init; } = -1;
}

/// <summary>
/// Deals the partitions of a group's topics to its members. The outcome depends on nothing but the arguments, and not
/// on the order of the members.
/// </summary>
/// <remarks>
/// Racks (KIP-881) are looked at by none of them, as by none of Kafka's own on the coordinator (KAFKA-19387): balance,
/// stickiness and co-partitioning say all there is to say. A group's members and what they say of their racks are in its
/// records and descriptions all the same. Members of the classic protocol assign among themselves, and may look at racks.
/// </remarks>
public interface IGroupAssignor
{
    /// <summary>The name by which clients and settings know it.</summary>
    string Name { get; }

    /// <summary>
    /// Gives each partition to exactly one member that subscribes to its topic; a topic without subscribers to nobody.
    /// </summary>
    /// <param name="members">The group's members.</param>
    /// <param name="partitionCounts">How many partitions each topic has; a topic that is not in it has none.</param>
    /// <returns>The partitions of every member, in order of topic and number; an empty list for who gets none.</returns>
    Dictionary<string, List<TopicPartition>> Assign(
        IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<string, int> partitionCounts);
}

/// <summary>The orders that make assignments repeatable.</summary>
internal static class AssignmentOrder
{
    /// <summary>Static members first and by their instance id, which outlives a restart, then the others by member id.</summary>
    public static List<AssignorMember> Sorted(IEnumerable<AssignorMember> members) =>
        [.. members
            .OrderBy(member => member.InstanceId is null)
            .ThenBy(member => member.InstanceId ?? member.Id, StringComparer.Ordinal)
            .ThenBy(member => member.Id, StringComparer.Ordinal)];

    /// <summary>All topics that somebody subscribes to and that have partitions, by name.</summary>
    public static List<string> Topics(
        IEnumerable<AssignorMember> members, IReadOnlyDictionary<string, int> partitionCounts) =>
        [.. members.SelectMany(member => member.Topics)
            .Distinct()
            .Where(topic => partitionCounts.GetValueOrDefault(topic) > 0)
            .Order(StringComparer.Ordinal)];

    /// <summary>An empty assignment for everybody.</summary>
    public static Dictionary<string, List<TopicPartition>> Empty(IEnumerable<AssignorMember> members) =>
        members.ToDictionary(member => member.Id, static _ => new List<TopicPartition>());

    /// <summary>Sorts what each member got.</summary>
    public static Dictionary<string, List<TopicPartition>> Ordered(Dictionary<string, List<TopicPartition>> assignment)
    {
        foreach (List<TopicPartition> partitions in assignment.Values)
        {
            partitions.Sort(Compare);
        }

        return assignment;
    }

    private static int Compare(TopicPartition left, TopicPartition right)
    {
        int byTopic = string.CompareOrdinal(left.Topic, right.Topic);
        return byTopic != 0 ? byTopic : left.Partition.CompareTo(right.Partition);
    }
}
