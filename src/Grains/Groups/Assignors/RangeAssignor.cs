namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>
/// Topic by topic, contiguous blocks in the order of the members; the first members get one more where it does not
/// come out even. Members that subscribe to the same topics of equal size own the same partition numbers of each
/// (co-partitioning), which joins rely on. Where it is said what members own, as the coordinator does (KIP-848), each
/// keeps of that what its share allows, and only the rest is dealt.
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

        // Topics of the same size that the same members read are dealt as one: that is what co-partitions them.
        IEnumerable<IGrouping<(int Count, string Subscribers), string>> alike = AssignmentOrder
            .Topics(members, partitionCounts)
            .GroupBy(topic => (partitionCounts[topic], SubscribersOf(topic, sorted)));
        foreach (IGrouping<(int Count, string Subscribers), string> topics in alike)
        {
            string first = topics.First();
            List<AssignorMember> subscribers = sorted.FindAll(member => member.Topics.Contains(first));
            List<int>[] shares = Shares(subscribers, topics, topics.Key.Count);
            for (int i = 0; i < subscribers.Count; i++)
            {
                List<TopicPartition> owned = assignment[subscribers[i].Id];
                owned.AddRange(topics.SelectMany(topic => shares[i].Select(each => new TopicPartition(topic, each))));
            }
        }

        return AssignmentOrder.Ordered(assignment);
    }

    /// <summary>Who reads a topic, as text: one character for each member.</summary>
    private static string SubscribersOf(string topic, List<AssignorMember> sorted) =>
        string.Create(sorted.Count, (topic, sorted), static (text, all) =>
        {
            for (int i = 0; i < text.Length; i++)
            {
                text[i] = all.sorted[i].Topics.Contains(all.topic) ? 'x' : '-';
            }
        });

    /// <summary>The partition numbers of each subscriber.</summary>
    private static List<int>[] Shares(List<AssignorMember> subscribers, IEnumerable<string> topics, int count)
    {
        (int each, int more) = Math.DivRem(count, subscribers.Count);
        var isTaken = new bool[count];
        var shares = new List<int>[subscribers.Count];
        var sizes = new int[subscribers.Count];
        for (int i = 0; i < subscribers.Count; i++)
        {
            int sizeMax = each + (more > 0 ? 1 : 0);
            shares[i] = Kept(subscribers[i], topics, isTaken, sizeMax);
            sizes[i] = each;
            if (shares[i].Count > each)
            {
                sizes[i]++;
                more--;
            }
        }

        int next = 0;
        for (int i = 0; i < subscribers.Count; i++)
        {
            if (sizes[i] == each && more > 0)
            {
                sizes[i]++;
                more--;
            }

            while (shares[i].Count < sizes[i])
            {
                if (!isTaken[next])
                {
                    shares[i].Add(next);
                }

                next++;
            }
        }

        return shares;
    }

    /// <summary>What a member has of the first of the topics of which it has anything, up to its share.</summary>
    private static List<int> Kept(AssignorMember member, IEnumerable<string> topics, bool[] isTaken, int sizeMax)
    {
        var kept = new List<int>();
        if (member.Owned.Count == 0)
        {
            return kept;
        }

        HashSet<string> alike = [.. topics];
        string? like = member.Owned.Where(owned => alike.Contains(owned.Topic)).Select(owned => owned.Topic)
            .Min(StringComparer.Ordinal);
        foreach (int number in member.Owned.Where(owned => owned.Topic == like).Select(owned => owned.Partition).Order())
        {
            if (kept.Count < sizeMax && (uint)number < (uint)isTaken.Length && !isTaken[number])
            {
                isTaken[number] = true;
                kept.Add(number);
            }
        }

        return kept;
    }
}
