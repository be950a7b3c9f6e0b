namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>
/// The coordinator's own assignor unless a group asks for another (KIP-848): as even as the subscriptions allow over all
/// topics together, and everybody keeps as much as possible of its target. Racks are not looked at.
/// </summary>
public sealed class UniformAssignor : IGroupAssignor
{
    // In the coordinator there are no rival claims; what is left of the problem is the sticky one.
    private readonly StickyAssignor _sticky = new();

    /// <inheritdoc/>
    public string Name => "uniform";

    /// <inheritdoc/>
    public Dictionary<string, List<TopicPartition>> Assign(
        IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<string, int> partitionCounts) =>
        _sticky.Assign(members, partitionCounts);
}
