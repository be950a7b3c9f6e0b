namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>
/// Sticky, in two steps (KIP-429): a partition that has to change hands is given to nobody as long as its owner still
/// claims it. The owner gives it up, all join again, and the second assignment hands it on. So nobody stops reading what
/// it keeps.
/// </summary>
public sealed class CooperativeStickyAssignor : IGroupAssignor
{
    private readonly StickyAssignor _sticky = new();

    /// <inheritdoc/>
    public string Name => "cooperative-sticky";

    /// <inheritdoc/>
    public Dictionary<string, List<TopicPartition>> Assign(
        IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<string, int> partitionCounts)
    {
        Dictionary<string, List<TopicPartition>> target = _sticky.Assign(members, partitionCounts);
        Dictionary<TopicPartition, AssignorMember> owners =
            StickyAssignor.Claims(AssignmentOrder.Sorted(members), partitionCounts);
        foreach ((string member, List<TopicPartition> partitions) in target)
        {
            partitions.RemoveAll(each => owners.TryGetValue(each, out AssignorMember? owner) && owner.Id != member);
        }

        return target;
    }
}
