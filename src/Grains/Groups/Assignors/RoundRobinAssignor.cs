namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>
/// Deals all partitions of all topics one by one to the members in turn; who does not subscribe to a topic is passed
/// over. With equal subscriptions the counts differ by one at most.
/// </summary>
public sealed class RoundRobinAssignor : IGroupAssignor
{
    /// <inheritdoc/>
    public string Name => "roundrobin";

    /// <inheritdoc/>
    public Dictionary<string, List<TopicPartition>> Assign(
        IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<string, int> partitionCounts)
    {
        List<AssignorMember> sorted = AssignmentOrder.Sorted(members);
        Dictionary<string, List<TopicPartition>> assignment = AssignmentOrder.Empty(members);
        int turn = 0;
        foreach (string topic in AssignmentOrder.Topics(members, partitionCounts))
        {
            for (int partition = 0; partition < partitionCounts[topic]; partition++)
            {
                while (!sorted[turn % sorted.Count].Topics.Contains(topic))
                {
                    turn++;
                }

                assignment[sorted[turn++ % sorted.Count].Id].Add(new TopicPartition(topic, partition));
            }
        }

        return AssignmentOrder.Ordered(assignment);
    }
}
