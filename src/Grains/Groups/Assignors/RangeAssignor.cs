namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>
/// Topic by topic, contiguous blocks in the order of the members; the first members get one more where it does not
/// come out even. Members that subscribe to the same topics of equal size own the same partition numbers of each
/// (co-partitioning), which joins rely on.
/// </summary>
public sealed class RangeAssignor : IGroupAssignor
{
    /// <inheritdoc/>
    public string Name => "range";

    /// <inheritdoc/>
    public Dictionary<string, List<TopicPartition>> Assign(
        IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<string, int> partitionCounts)
    {
        List<AssignorMember> sorted = AssignmentOrder.Sorted(members);
        Dictionary<string, List<TopicPartition>> assignment = AssignmentOrder.Empty(members);
        foreach (string topic in AssignmentOrder.Topics(members, partitionCounts))
        {
            List<AssignorMember> subscribers = sorted.FindAll(member => member.Topics.Contains(topic));
            (int each, int more) = Math.DivRem(partitionCounts[topic], subscribers.Count);
            int next = 0;
            for (int i = 0; i < subscribers.Count; i++)
            {
                int end = next + each + (i < more ? 1 : 0);
                for (; next < end; next++)
                {
                    assignment[subscribers[i].Id].Add(new TopicPartition(topic, next));
                }
            }
        }

        return assignment;
    }
}
