using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <content>
/// Members of the classic protocol in a consumer group. The coordinator leads: a join brings the member to its target,
/// as a heartbeat does with the others, and the next SyncGroup tells it what it got. It hears with its heartbeats that
/// it must join again.
/// </content>
internal sealed partial class ConsumerMembership
{
    /// <summary>JoinGroup. Answered at once: nobody waits for other members' joins.</summary>
    /// <param name="join">The request.</param>
    /// <param name="isExpected">Its member id was given out by an answer with MEMBER_ID_REQUIRED.</param>
    /// <param name="now">The time.</param>
    public GroupJoinReply Join(GroupJoin join, bool isExpected, GroupTime now)
    {
        ErrorCode error = FindOrAdd(join, isExpected, out ConsumerMember? member, out string memberId);
        ConsumerProtocolSubscription? subscription = error == ErrorCode.None
            ? GroupProtocols.ReadSubscription(join.Protocols[0].Metadata)
            : null;
        if (error == ErrorCode.None && subscription is null)
        {
            error = ErrorCode.InconsistentGroupProtocol;
        }

        if (error != ErrorCode.None)
        {
            return new GroupJoinReply { Error = (short)error, MemberId = memberId };
        }

        string assignorBefore = AssignorName;
        bool isNew = member is null;
        member ??= Add(new ConsumerMember { Id = memberId, InstanceId = join.Member.InstanceId });
        if (member.Id != memberId)
        {
            Replace(member, memberId);
        }

        bool hasOtherWishes = Update(member, join, subscription!);
        FollowMetadata(isNew || hasOtherWishes || AssignorName != assignorBefore, now);
        AssignIfDue(now);
        Reconcile(member, ClassicBytes.Owned(subscription!, metadata()), isJoin: true, now);
        RestartSession(member, now);
        member.ClassicDeadline = now.ElapsedMs + member.RebalanceTimeoutMs;
        WakeBy(member.ClassicDeadline);
        return new GroupJoinReply
        {
            Generation = member.Epoch,
            ProtocolType = GroupProtocols.Consumer,
            ProtocolName = ProtocolOf(member),
            MemberId = member.Id,
        };
    }

    /// <summary>SyncGroup: what the member's last join got it.</summary>
    public GroupSyncReply Sync(GroupSync sync, GroupTime now)
    {
        ErrorCode error = FindClassic(sync.Member, sync.Generation, out ConsumerMember member);
        if (error == ErrorCode.None &&
            ((sync.ProtocolType is { } type && type != GroupProtocols.Consumer) ||
            (sync.ProtocolName is { } name && name != ProtocolOf(member))))
        {
            error = ErrorCode.InconsistentGroupProtocol;
        }

        if (error == ErrorCode.None && member.Epoch < AssignmentEpoch &&
            member.State != ConsumerMemberState.UnrevokedPartitions)
        {
            error = ErrorCode.RebalanceInProgress;
        }

        if (error != ErrorCode.None)
        {
            return new GroupSyncReply { Error = (short)error };
        }

        member.ClassicDeadline = Group.Never;
        RestartSession(member, now);
        return new GroupSyncReply
        {
            ProtocolType = GroupProtocols.Consumer,
            ProtocolName = ProtocolOf(member),
            Assignment = AssignmentOf(member),
        };
    }

    /// <summary>
    /// Heartbeat: the member must join again when there is a newer assignment, when it has to give something up, and
    /// when it can have what it waits for.
    /// </summary>
    public ErrorCode Heartbeat(GroupIdentity identity, int generation, GroupTime now)
    {
        ErrorCode error = FindClassic(identity, generation, out ConsumerMember member);
        if (error != ErrorCode.None)
        {
            return error;
        }

        RestartSession(member, now);
        FollowMetadata(isBumped: false, now);
        AssignIfDue(now);
        if (member.Epoch == AssignmentEpoch && member.State != ConsumerMemberState.UnrevokedPartitions &&
            !CanHaveMore(member))
        {
            return ErrorCode.None;
        }

        if (member.ClassicDeadline == Group.Never)
        {
            member.ClassicDeadline = now.ElapsedMs + member.RebalanceTimeoutMs;
            WakeBy(member.ClassicDeadline);
        }

        return ErrorCode.RebalanceInProgress;
    }

    /// <summary>What a classic member has, in its own words.</summary>
    public byte[] AssignmentOf(ConsumerMember member) => ClassicBytes.Assignment(
        member.Assigned.Keys, member.Classic is { Protocols: [var first, ..] } ? first.Metadata : [], metadata());

    private ErrorCode FindClassic(GroupIdentity identity, int generation, out ConsumerMember member)
    {
        ErrorCode error = Find(identity, out member);
        if (error != ErrorCode.None)
        {
            return error;
        }

        return member.Classic is null ? ErrorCode.UnknownMemberId
            : member.Epoch != generation ? ErrorCode.IllegalGeneration
            : ErrorCode.None;
    }

    /// <summary>Who joins; null for a member that is to be added under the id.</summary>
    private ErrorCode FindOrAdd(GroupJoin join, bool isExpected, out ConsumerMember? member, out string memberId)
    {
        memberId = join.Member.MemberId;
        member = null;
        if (join.ProtocolType != GroupProtocols.Consumer || join.Protocols.Length == 0 ||
            Array.Exists(join.Protocols, each => each.Name.Length > GroupProtocols.NameMax))
        {
            return ErrorCode.InconsistentGroupProtocol;
        }

        if (join.Member.InstanceId is { } instance && _staticMembers.TryGetValue(instance, out member))
        {
            if (memberId.Length > 0 && memberId != member.Id)
            {
                return ErrorCode.FencedInstanceId;
            }
        }
        else if (join.Member.InstanceId is not null && memberId.Length > 0)
        {
            return ErrorCode.UnknownMemberId;
        }
        else if (memberId.Length > 0 && !_members.TryGetValue(memberId, out member) && !isExpected)
        {
            // Who was given up meanwhile must hear of it: it may still have what others have by now.
            return ErrorCode.UnknownMemberId;
        }

        ConsumerMember? seat = member;
        List<string> others = [.. CommonProtocols(_members.Values.Where(each => each != seat)) ?? []];
        if (others.Count > 0 && !Array.Exists(join.Protocols, protocol => others.Contains(protocol.Name)))
        {
            return ErrorCode.InconsistentGroupProtocol;
        }

        if (member is null && _members.Count >= settings().SizeMax)
        {
            return ErrorCode.GroupMaxSizeReached;
        }

        if (memberId.Length > 0)
        {
            return ErrorCode.None;
        }

        memberId = $"{join.Member.InstanceId ?? join.ClientId}-{newId()}";
        return join.RequiresMemberId && join.Member.InstanceId is null ? ErrorCode.MemberIdRequired : ErrorCode.None;
    }

    private bool Update(ConsumerMember member, GroupJoin join, ConsumerProtocolSubscription subscription)
    {
        string[] topics = Sorted(subscription.Topics);
        bool hasOtherTopics = member.Pattern is not null || !topics.AsSpan().SequenceEqual(member.Topics);
        var classic = new ClassicSide(join.SessionTimeoutMs, join.Protocols);
        bool isOther = hasOtherTopics || member.IsUnwritten || member.ClientId != join.ClientId ||
            member.ClientHost != join.ClientHost || member.RebalanceTimeoutMs != join.RebalanceTimeoutMs ||
            member.RackId != subscription.RackId || !IsSame(member.Classic, classic);
        if (!isOther)
        {
            return false;
        }

        SetTopics(member, topics, null);
        SetAssignor(member, null);
        member.RackId = subscription.RackId;
        member.ClientId = join.ClientId;
        member.ClientHost = join.ClientHost;
        member.RebalanceTimeoutMs = join.RebalanceTimeoutMs;
        SetClassic(member, classic);
        WriteMember(member);
        return hasOtherTopics;
    }

    private static bool IsSame(ClassicSide? left, ClassicSide right) =>
        left is not null && left.SessionTimeoutMs == right.SessionTimeoutMs &&
        left.Protocols.Length == right.Protocols.Length &&
        left.Protocols.Zip(right.Protocols).All(pair =>
            pair.First.Name == pair.Second.Name && pair.First.Metadata.AsSpan().SequenceEqual(pair.Second.Metadata));

    /// <summary>The protocols that all classic members know; null without any.</summary>
    private static IEnumerable<string>? CommonProtocols(IEnumerable<ConsumerMember> members)
    {
        IEnumerable<string>? common = null;
        foreach (ConsumerMember member in members)
        {
            if (member.Classic is { } classic)
            {
                List<string> names = [.. classic.Protocols.Select(protocol => protocol.Name)];
                common = common is null ? names : [.. common.Intersect(names)];
            }
        }

        return common;
    }

    private string ProtocolOf(ConsumerMember member)
    {
        GroupProtocol[] own = member.Classic?.Protocols ?? [];
        List<string> common = [.. CommonProtocols(_members.Values) ?? []];
        return (Array.Find(own, protocol => common.Contains(protocol.Name)) ?? own.FirstOrDefault())?.Name ?? "";
    }
}
