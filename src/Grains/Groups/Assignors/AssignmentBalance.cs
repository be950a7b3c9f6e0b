namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>
/// Evens out an assignment between members with different subscriptions. A member gives a partition to another who has
/// at least two less, if need be through others in between, until no such chain is left: then no assignment is more even.
/// Members and topics are numbers in here: the search goes over all pairs of them.
/// </summary>
internal sealed class AssignmentBalance
{
    private const int Nobody = -1;

    private readonly List<AssignorMember> _members;
    private readonly List<string> _topics;
    private readonly int[][] _subscribers;
    private readonly List<int>[,] _owned;
    private readonly int[] _counts;

    // The search: by whom and with which topic a member was reached, and which topics were looked at.
    private readonly int[] _reachedFrom;
    private readonly int[] _reachedBy;
    private readonly bool[] _isSeen;
    private readonly Queue<int> _queue = new();

    public AssignmentBalance(
        List<AssignorMember> members, List<string> topics, Dictionary<string, List<TopicPartition>> assignment)
    {
        _members = members;
        _topics = topics;
        _subscribers = [.. topics.Select(topic =>
            Enumerable.Range(0, members.Count).Where(member => members[member].Topics.Contains(topic)).ToArray())];
        _owned = new List<int>[members.Count, topics.Count];
        _counts = [.. members.Select(member => assignment[member.Id].Count)];
        _reachedFrom = new int[members.Count];
        _reachedBy = new int[members.Count];
        _isSeen = new bool[topics.Count];
        Dictionary<string, int> numbers = topics.Select((topic, number) => (topic, number)).ToDictionary();
        for (int member = 0; member < members.Count; member++)
        {
            foreach (TopicPartition partition in assignment[members[member].Id])
            {
                (_owned[member, numbers[partition.Topic]] ??= []).Add(partition.Partition);
            }
        }
    }

    /// <summary>Makes the assignment even.</summary>
    public void Run(Dictionary<string, List<TopicPartition>> assignment)
    {
        // Each move makes the sum of the squared counts smaller, so this ends.
        bool moved = true;
        while (moved)
        {
            moved = false;
            foreach (int giver in Enumerable.Range(0, _counts.Length).OrderByDescending(member => _counts[member]).ToList())
            {
                while (MoveOneFrom(giver))
                {
                    moved = true;
                }
            }
        }

        for (int member = 0; member < _members.Count; member++)
        {
            assignment[_members[member].Id] = [.. Enumerable.Range(0, _topics.Count).SelectMany(topic =>
                (_owned[member, topic] ?? []).Select(partition => new TopicPartition(_topics[topic], partition)))];
        }
    }

    /// <summary>Looks for the nearest member with at least two partitions less, over chains of possible gifts.</summary>
    private bool MoveOneFrom(int giver)
    {
        int enough = _counts[giver] - 2;
        if (enough < _counts.Min())
        {
            return false;
        }

        Array.Fill(_reachedFrom, Nobody);
        Array.Clear(_isSeen);
        _queue.Clear();
        _queue.Enqueue(giver);
        while (_queue.TryDequeue(out int from))
        {
            for (int topic = 0; topic < _topics.Count; topic++)
            {
                if (_owned[from, topic] is not { Count: > 0 } || _isSeen[topic])
                {
                    continue;
                }

                _isSeen[topic] = true;
                if (Reach(giver, from, topic) is var taker && _counts[taker] <= enough)
                {
                    Move(giver, taker);
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Notes who could be given a partition of a topic; gives the poorest of the topic's readers.</summary>
    private int Reach(int giver, int from, int topic)
    {
        int poorest = giver;
        foreach (int taker in _subscribers[topic])
        {
            if (taker == giver || _reachedFrom[taker] != Nobody)
            {
                continue;
            }

            _reachedFrom[taker] = from;
            _reachedBy[taker] = topic;
            _queue.Enqueue(taker);
            if (_counts[taker] < _counts[poorest])
            {
                poorest = taker;
            }
        }

        return poorest;
    }

    private void Move(int giver, int taker)
    {
        _counts[giver]--;
        _counts[taker]++;
        while (taker != giver)
        {
            int from = _reachedFrom[taker];
            int topic = _reachedBy[taker];
            List<int> source = _owned[from, topic];
            (_owned[taker, topic] ??= []).Add(source[^1]);
            source.RemoveAt(source.Count - 1);
            taker = from;
        }
    }
}
