namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>
/// Goal one: counts as even as the subscriptions allow. Goal two: within that, everybody keeps as much as possible of
/// what it had (KIP-54).
/// </summary>
public sealed class StickyAssignor : IGroupAssignor
{
    /// <inheritdoc/>
    public string Name => "sticky";

    /// <inheritdoc/>
    public Dictionary<string, List<TopicPartition>> Assign(
        IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<string, int> partitionCounts)
    {
        List<AssignorMember> sorted = AssignmentOrder.Sorted(members);
        List<string> topics = AssignmentOrder.Topics(members, partitionCounts);
        Dictionary<string, List<TopicPartition>> assignment = AssignmentOrder.Empty(members);
        if (topics.Count == 0)
        {
            return assignment;
        }

        Dictionary<TopicPartition, AssignorMember> claims = Claims(sorted, partitionCounts);
        bool isUniform = sorted.TrueForAll(member => member.Topics.SetEquals(sorted[0].Topics));
        if (isUniform)
        {
            KeepWithinQuota(sorted, claims, assignment, topics.Sum(topic => partitionCounts[topic]));
        }
        else
        {
            foreach (AssignorMember member in sorted)
            {
                assignment[member.Id].AddRange(Kept(member, claims));
            }
        }

        DealTheRest(sorted, topics, partitionCounts, assignment);
        if (!isUniform)
        {
            new AssignmentBalance(sorted, topics, assignment).Run(assignment);
        }

        return AssignmentOrder.Ordered(assignment);
    }

    /// <summary>Who may keep which partition: the newest claim; among equals the first member.</summary>
    internal static Dictionary<TopicPartition, AssignorMember> Claims(
        List<AssignorMember> sorted, IReadOnlyDictionary<string, int> partitionCounts)
    {
        var claims = new Dictionary<TopicPartition, AssignorMember>();
        foreach (AssignorMember member in sorted)
        {
            foreach (TopicPartition owned in member.Owned)
            {
                bool exists = (uint)owned.Partition < (uint)partitionCounts.GetValueOrDefault(owned.Topic);
                if (exists && member.Topics.Contains(owned.Topic) &&
                    (!claims.TryGetValue(owned, out AssignorMember? other) || other.Generation < member.Generation))
                {
                    claims[owned] = member;
                }
            }
        }

        return claims;
    }

    private static IEnumerable<TopicPartition> Kept(
        AssignorMember member, Dictionary<TopicPartition, AssignorMember> claims) =>
        member.Owned.Distinct().Where(owned => claims.TryGetValue(owned, out AssignorMember? winner) && winner == member);

    /// <summary>
    /// With equal subscriptions the counts are known beforehand: those who have most keep the larger ones.
    /// </summary>
    private static void KeepWithinQuota(
        List<AssignorMember> sorted,
        Dictionary<TopicPartition, AssignorMember> claims,
        Dictionary<string, List<TopicPartition>> assignment,
        int partitions)
    {
        (int each, int more) = Math.DivRem(partitions, sorted.Count);
        foreach (AssignorMember member in sorted)
        {
            List<TopicPartition> kept = [.. Kept(member, claims)];
            int quota = each;
            if (kept.Count > each && more > 0)
            {
                quota++;
                more--;
            }

            assignment[member.Id].AddRange(kept.Take(quota));
        }
    }

    private static void DealTheRest(
        List<AssignorMember> sorted,
        List<string> topics,
        IReadOnlyDictionary<string, int> partitionCounts,
        Dictionary<string, List<TopicPartition>> assignment)
    {
        HashSet<TopicPartition> taken = [.. assignment.Values.SelectMany(partitions => partitions)];
        var subscribers = topics.ToDictionary(
            topic => topic, topic => sorted.FindAll(member => member.Topics.Contains(topic)));

        // Topics with few subscribers first: the others have more choice.
        foreach (string topic in topics.OrderBy(topic => subscribers[topic].Count))
        {
            var waiting = new PriorityQueue<AssignorMember, (int Count, int Place)>(subscribers[topic].Select(
                (member, place) => (member, (assignment[member.Id].Count, place))));
            for (int partition = 0; partition < partitionCounts[topic]; partition++)
            {
                var candidate = new TopicPartition(topic, partition);
                if (!taken.Add(candidate))
                {
                    continue;
                }

                waiting.TryDequeue(out AssignorMember? poorest, out (int Count, int Place) rank);
                assignment[poorest!.Id].Add(candidate);
                waiting.Enqueue(poorest, (rank.Count + 1, rank.Place));
            }
        }
    }
}
