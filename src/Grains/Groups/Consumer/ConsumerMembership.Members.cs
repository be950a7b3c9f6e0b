namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <content>Who is in the group, and who has what.</content>
internal sealed partial class ConsumerMembership
{
    private readonly Dictionary<string, int> _topicSubscribers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _patternSubscribers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _assignorWishes = new(StringComparer.Ordinal);
    private int _classicMembers;

    /// <summary>Takes a member out: because it leaves, because it was silent for too long, or too slow.</summary>
    public void Remove(ConsumerMember member, GroupTime now)
    {
        _members.Remove(member.Id);
        if (member.InstanceId is { } instance && _staticMembers.GetValueOrDefault(instance) == member)
        {
            _staticMembers.Remove(instance);
        }

        SetTopics(member, [], null);
        SetAssignor(member, null);
        _classicMembers -= member.Classic is null ? 0 : 1;
        SetPartitions(member, [], []);
        WriteAll(ConsumerRecords.NoMember(id, member.Id));
        _removedAtMs = now.UnixMs;
        Touch();
        FollowMetadata(isBumped: true, now);
        AssignLater(now);
    }

    /// <summary>The member of a request of the classic protocol's kind: by member id, or by its instance alone.</summary>
    public ErrorCode Find(GroupIdentity identity, out ConsumerMember member)
    {
        member = null!;
        if (identity.InstanceId is { } instance)
        {
            if (!_staticMembers.TryGetValue(instance, out member!))
            {
                return ErrorCode.UnknownMemberId;
            }

            return identity.MemberId.Length == 0 || identity.MemberId == member.Id
                ? ErrorCode.None
                : ErrorCode.FencedInstanceId;
        }

        return _members.TryGetValue(identity.MemberId, out member!) ? ErrorCode.None : ErrorCode.UnknownMemberId;
    }

    private ConsumerMember Add(ConsumerMember member)
    {
        _members[member.Id] = member;
        if (member.InstanceId is { } instance)
        {
            _staticMembers[instance] = member;
        }

        if (member.ServerAssignor is { } assignor)
        {
            Count(_assignorWishes, assignor, 1);
        }

        _classicMembers += member.Classic is null ? 0 : 1;
        member.IsUnwritten = true;
        Touch();
        return member;
    }

    /// <summary>A static member is back under another id; what it has and is to have stays the same.</summary>
    private void Replace(ConsumerMember member, string memberId)
    {
        WriteAll(ConsumerRecords.NoMember(id, member.Id));
        _members.Remove(member.Id);
        member.Id = memberId;
        _members[memberId] = member;
        member.IsUnwritten = true;
        member.PreviousEpoch = 0;
        member.Epoch = 0;
        member.State = ConsumerMemberState.Stable;
        member.RevocationDeadline = Group.Never;
        SetPartitions(member, member.Assigned, []);
        if (member.Target is not null)
        {
            write(ConsumerRecords.Target(id, member));
        }

        Touch();
    }

    private void BecomeStatic(ConsumerMember member, string? instance)
    {
        if (instance is null || instance == member.InstanceId)
        {
            return;
        }

        if (member.InstanceId is { } former)
        {
            _staticMembers.Remove(former);
        }

        member.InstanceId = instance;
        _staticMembers[instance] = member;
    }

    private void SetTopics(ConsumerMember member, string[] topics, string? pattern)
    {
        foreach (string topic in member.Topics)
        {
            Count(_topicSubscribers, topic, -1);
        }

        foreach (string topic in topics)
        {
            Count(_topicSubscribers, topic, 1);
        }

        if (member.Pattern is { } former)
        {
            Count(_patternSubscribers, former, -1);
        }

        if (pattern is not null)
        {
            Count(_patternSubscribers, pattern, 1);
        }

        member.Topics = topics;
        member.Pattern = pattern;
    }

    private void SetAssignor(ConsumerMember member, string? assignor)
    {
        if (member.ServerAssignor is { } former)
        {
            Count(_assignorWishes, former, -1);
        }

        if (assignor is not null)
        {
            Count(_assignorWishes, assignor, 1);
        }

        member.ServerAssignor = assignor;
    }

    private void SetClassic(ConsumerMember member, ClassicSide? classic)
    {
        _classicMembers += (classic is null ? 0 : 1) - (member.Classic is null ? 0 : 1);
        member.Classic = classic;
    }

    private static void Count(Dictionary<string, int> counts, string key, int by)
    {
        int count = counts.GetValueOrDefault(key) + by;
        if (count == 0)
        {
            counts.Remove(key);
        }
        else
        {
            counts[key] = count;
        }
    }

    /// <summary>The one place where it changes who has what.</summary>
    private void SetPartitions(
        ConsumerMember member, Dictionary<TopicIdPartition, int> assigned, Dictionary<TopicIdPartition, int> pending)
    {
        foreach (TopicIdPartition partition in member.Assigned.Keys.Concat(member.PendingRevocation.Keys))
        {
            _owners.Remove(partition);
        }

        member.Assigned = assigned;
        member.PendingRevocation = pending;
        foreach (TopicIdPartition partition in assigned.Keys.Concat(pending.Keys))
        {
            if (!_owners.TryAdd(partition, member))
            {
                throw new InvalidOperationException(
                    $"partition {partition.Partition} of {partition.TopicId} has an owner in group {id} already");
            }
        }
    }

    private void WriteMember(ConsumerMember member)
    {
        member.IsUnwritten = false;
        write(ConsumerRecords.Member(id, member));
    }

    private void WriteCurrent(ConsumerMember member)
    {
        write(ConsumerRecords.Current(id, member));
        Touch();
    }

    /// <summary>The state may be another.</summary>
    private void Touch() => _state = null;
}
