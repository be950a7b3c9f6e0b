namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>
/// Evens out an assignment between members with different subscriptions. A member gives a partition to another who has
/// at least two less, if need be through others in between, until no such chain is left: then no assignment is more even.
/// </summary>
internal sealed class AssignmentBalance(
    List<AssignorMember> members, List<string> topics, Dictionary<string, List<TopicPartition>> assignment)
{
    private readonly Dictionary<string, List<AssignorMember>> _subscribers = topics.ToDictionary(
        topic => topic, topic => members.FindAll(member => member.Topics.Contains(topic)));

    public void Run()
    {
        // Each move makes the sum of the squared counts smaller, so this ends.
        bool moved = true;
        while (moved)
        {
            moved = false;
            foreach (AssignorMember giver in members.OrderByDescending(member => CountOf(member)).ToList())
            {
                while (MoveOneFrom(giver))
                {
                    moved = true;
                }
            }
        }
    }

    private int CountOf(AssignorMember member) => assignment[member.Id].Count;

    /// <summary>Looks for the nearest member with at least two partitions less, over chains of possible gifts.</summary>
    private bool MoveOneFrom(AssignorMember giver)
    {
        int enough = CountOf(giver) - 2;
        if (enough < 0)
        {
            return false;
        }

        var cameBy = new Dictionary<AssignorMember, (AssignorMember From, string Topic)>();
        var seenTopics = new HashSet<string>();
        var queue = new Queue<AssignorMember>([giver]);
        while (queue.TryDequeue(out AssignorMember? from))
        {
            foreach (string topic in assignment[from.Id].Select(owned => owned.Topic).Distinct().Where(seenTopics.Add))
            {
                foreach (AssignorMember taker in _subscribers[topic].OrderBy(member => CountOf(member)))
                {
                    if (taker == giver || !cameBy.TryAdd(taker, (from, topic)))
                    {
                        continue;
                    }

                    if (CountOf(taker) <= enough)
                    {
                        Move(giver, taker, cameBy);
                        return true;
                    }

                    queue.Enqueue(taker);
                }
            }
        }

        return false;
    }

    private void Move(
        AssignorMember giver, AssignorMember taker, Dictionary<AssignorMember, (AssignorMember From, string Topic)> cameBy)
    {
        while (taker != giver)
        {
            (AssignorMember from, string topic) = cameBy[taker];
            List<TopicPartition> source = assignment[from.Id];
            int at = source.FindLastIndex(owned => owned.Topic == topic);
            assignment[taker.Id].Add(source[at]);
            source.RemoveAt(at);
            taker = from;
        }
    }
}
