namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <content>The way of a member from what it has to what it is to have.</content>
internal sealed partial class ConsumerMembership
{
    /// <summary>
    /// Brings a member as near to its target as the others allow: it keeps what it has and is to have, gives up the
    /// rest, and only when it has said so gets what is free. True when what it is to be told of is another.
    /// </summary>
    /// <param name="member">The member.</param>
    /// <param name="owned">What it says it has; null when it does not say.</param>
    /// <param name="isJoin">
    /// It joins, and so takes nothing any more that it was told of before. Any other may be about to take what it does
    /// not report yet, so it must be told first. (Kafka relies on the report in both cases.)
    /// </param>
    /// <param name="now">The time.</param>
    private bool Reconcile(ConsumerMember member, HashSet<TopicIdPartition>? owned, bool isJoin, GroupTime now)
    {
        bool isHolding = member.State == ConsumerMemberState.UnrevokedPartitions && IsOwned(member.PendingRevocation.Keys, owned);
        if (isHolding || (member.State == ConsumerMemberState.Stable && member.Epoch == AssignmentEpoch))
        {
            return false;
        }

        HashSet<TopicIdPartition> target = member.Target ?? [];
        Dictionary<TopicIdPartition, int> before = member.Assigned;
        var next = new Dictionary<TopicIdPartition, int>();
        var revoked = new Dictionary<TopicIdPartition, int>();
        foreach ((TopicIdPartition partition, int epoch) in before)
        {
            (target.Contains(partition) ? next : revoked)[partition] = epoch;
        }

        if (revoked.Count > 0 && (!isJoin || IsOwned(revoked.Keys, owned)))
        {
            // What it has given up meanwhile becomes free together with this, when its epoch is another: as long as it
            // keeps its epoch, a commit that is late could not be told from one for what it has. (Kafka frees it at once.)
            foreach ((TopicIdPartition partition, int epoch) in member.PendingRevocation)
            {
                revoked.TryAdd(partition, epoch);
            }

            SetPartitions(member, next, revoked);
            member.State = ConsumerMemberState.UnrevokedPartitions;
            member.RevocationDeadline = now.ElapsedMs + member.RebalanceTimeoutMs;
            WakeBy(member.RevocationDeadline);
            WriteCurrent(member);
            return true;
        }

        MoveOn(member, next, target);
        return before.Count != next.Count || !next.Keys.All(before.ContainsKey);
    }

    /// <summary>The member has given up what it had to: it reaches the assignment's epoch, and gets what is free.</summary>
    private void MoveOn(ConsumerMember member, Dictionary<TopicIdPartition, int> next, HashSet<TopicIdPartition> target)
    {
        (int epoch, ConsumerMemberState state, int assigned, int pending) =
            (member.Epoch, member.State, member.Assigned.Count, member.PendingRevocation.Count);
        bool isWaiting = false;
        int kept = next.Count;
        foreach (TopicIdPartition partition in target)
        {
            if (next.ContainsKey(partition))
            {
                continue;
            }

            if (_owners.TryGetValue(partition, out ConsumerMember? owner) && owner != member)
            {
                isWaiting = true;
            }
            else
            {
                next[partition] = AssignmentEpoch;
            }
        }

        SetPartitions(member, next, []);
        member.RevocationDeadline = Group.Never;
        member.State = isWaiting ? ConsumerMemberState.UnreleasedPartitions : ConsumerMemberState.Stable;
        if (epoch != AssignmentEpoch)
        {
            member.PreviousEpoch = epoch;
            member.Epoch = AssignmentEpoch;
        }

        if (epoch != member.Epoch || state != member.State || assigned != kept || next.Count != kept || pending > 0)
        {
            WriteCurrent(member);
        }
    }

    /// <summary>What a member does not speak of it still has.</summary>
    private static bool IsOwned(IEnumerable<TopicIdPartition> partitions, HashSet<TopicIdPartition>? owned) =>
        owned is null || partitions.Any(owned.Contains);

    /// <summary>Something that a member waits for is free by now.</summary>
    private bool CanHaveMore(ConsumerMember member) =>
        member.State == ConsumerMemberState.UnreleasedPartitions &&
        member.Target?.Any(each => !_owners.ContainsKey(each)) == true;
}
