namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <content>ConsumerGroupHeartbeat.</content>
internal sealed partial class ConsumerMembership
{
    /// <summary>ConsumerGroupHeartbeat, of a request that <see cref="HeartbeatChecks"/> found to be well formed.</summary>
    public ConsumerHeartbeatReply Heartbeat(ConsumerHeartbeat request, GroupTime now)
    {
        ErrorCode error = Find(request, out ConsumerMember? member, out string problem);
        if (error != ErrorCode.None)
        {
            return HeartbeatChecks.Refused(error, problem);
        }

        return request.MemberEpoch < 0 ? Leave(member!, request, now) : Beat(member, request, now);
    }

    /// <summary>Who a request comes from; null for a member that is to be added.</summary>
    private ErrorCode Find(ConsumerHeartbeat request, out ConsumerMember? member, out string problem)
    {
        bool isJoin = request.MemberEpoch == 0;
        _members.TryGetValue(request.MemberId, out member);
        problem = "";
        if (request.InstanceId is { } instance)
        {
            _staticMembers.TryGetValue(instance, out ConsumerMember? holder);
            if (isJoin && holder is not null && holder.Id != request.MemberId)
            {
                // The classic protocol has the newer of two fence the older, the consumer protocol refuses the newer.
                member = holder;
                problem = $"Instance id {instance} is in use by member {holder.Id}.";
                return holder.Classic is null && !holder.IsAway ? ErrorCode.UnreleasedInstanceId : ErrorCode.None;
            }

            if (!isJoin && holder is null)
            {
                problem = $"Instance id {instance} is unknown.";
                return ErrorCode.UnknownMemberId;
            }

            if (!isJoin && holder!.Id != request.MemberId)
            {
                problem = $"Member {request.MemberId} with instance id {instance} was fenced by member {holder.Id}.";
                return ErrorCode.FencedInstanceId;
            }

            member = holder ?? member;
        }

        if (member is not null)
        {
            return request.MemberEpoch <= 0 ? ErrorCode.None : CheckEpoch(member, request, out problem);
        }

        if (!isJoin)
        {
            problem = $"Member {request.MemberId} is not a member of group {id}.";
            return ErrorCode.UnknownMemberId;
        }

        problem = $"Group {id} has as many members as it may.";
        return _members.Count >= settings().SizeMax ? ErrorCode.GroupMaxSizeReached : ErrorCode.None;
    }

    /// <summary>
    /// A member may believe in the epoch before its own, when the answer that told of the new one was lost: as long as
    /// it has nothing that is not its own.
    /// </summary>
    private static ErrorCode CheckEpoch(ConsumerMember member, ConsumerHeartbeat request, out string problem)
    {
        problem = $"Member {member.Id} is at epoch {member.Epoch}, not {request.MemberEpoch}: it must give up everything "
            + "and join again.";
        if (request.MemberEpoch == member.Epoch)
        {
            return ErrorCode.None;
        }

        bool isLate = request.MemberEpoch < member.Epoch && request.MemberEpoch == member.PreviousEpoch &&
            PartitionSets.Of(request.Owned) is { } owned && owned.All(member.Assigned.ContainsKey);
        return isLate ? ErrorCode.None : ErrorCode.FencedMemberEpoch;
    }

    private ConsumerHeartbeatReply Beat(ConsumerMember? member, ConsumerHeartbeat request, GroupTime now)
    {
        string assignorBefore = AssignorName;
        bool isNew = member is null;
        member ??= Add(new ConsumerMember { Id = request.MemberId, InstanceId = request.InstanceId });
        if (member.Id != request.MemberId)
        {
            Replace(member, request.MemberId);
            isNew = false;
        }

        bool hasOtherWishes = Update(member, request);
        bool isBumped = isNew || hasOtherWishes || AssignorName != assignorBefore;
        FollowMetadata(isBumped, now);
        AssignIfDue(now);
        bool isReassigned = Reconcile(member, PartitionSets.Of(request.Owned), request.MemberEpoch == 0, now);
        RestartSession(member, now);
        bool isFull = request.RebalanceTimeoutMs != -1 && request.Owned is not null &&
            (request.Topics is not null || request.Pattern is not null);
        return new ConsumerHeartbeatReply
        {
            MemberId = member.Id,
            MemberEpoch = member.Epoch,
            HeartbeatIntervalMs = Settings.HeartbeatIntervalMs,
            Assignment = isReassigned || isFull || request.MemberEpoch == 0
                ? PartitionSets.ByTopic(member.Assigned.Keys)
                : null,
        };
    }

    /// <summary>Takes over what a request says. True when the member subscribes to something else now.</summary>
    private bool Update(ConsumerMember member, ConsumerHeartbeat request)
    {
        string[] topics = request.Topics is null ? member.Topics : Sorted(request.Topics);
        string? pattern = request.Pattern is null ? member.Pattern : request.Pattern.Length == 0 ? null : request.Pattern;
        bool hasOtherTopics = pattern != member.Pattern || !topics.AsSpan().SequenceEqual(member.Topics);
        int rebalanceTimeoutMs = request.RebalanceTimeoutMs == -1 ? member.RebalanceTimeoutMs : request.RebalanceTimeoutMs;
        string? assignor = request.ServerAssignor ?? member.ServerAssignor;
        string? rack = request.RackId ?? member.RackId;
        bool isOther = hasOtherTopics || rebalanceTimeoutMs != member.RebalanceTimeoutMs ||
            assignor != member.ServerAssignor || rack != member.RackId || member.Classic is not null ||
            request.ClientId != member.ClientId || request.ClientHost != member.ClientHost ||
            member.InstanceId != (request.InstanceId ?? member.InstanceId) || member.IsUnwritten;
        if (!isOther)
        {
            return false;
        }

        BecomeStatic(member, request.InstanceId);
        SetTopics(member, topics, pattern);
        member.RebalanceTimeoutMs = rebalanceTimeoutMs;
        SetAssignor(member, assignor);
        member.RackId = rack;
        SetClassic(member, null);
        member.ClassicDeadline = Group.Never;
        member.ClientId = request.ClientId;
        member.ClientHost = request.ClientHost;
        WriteMember(member);
        return hasOtherTopics;
    }

    private ConsumerHeartbeatReply Leave(ConsumerMember member, ConsumerHeartbeat request, GroupTime now)
    {
        if (request.MemberEpoch == ConsumerMember.AwayEpoch)
        {
            // What it has stays its own until its session ends: it is expected back.
            SetPartitions(member, member.Assigned, []);
            member.PreviousEpoch = member.Epoch;
            member.Epoch = ConsumerMember.AwayEpoch;
            member.State = ConsumerMemberState.Stable;
            member.RevocationDeadline = Group.Never;
            RestartSession(member, now);
            WriteCurrent(member);
        }
        else
        {
            Remove(member, now);
        }

        return new ConsumerHeartbeatReply { MemberId = request.MemberId, MemberEpoch = request.MemberEpoch };
    }

    private static string[] Sorted(IEnumerable<string> topics) =>
        [.. topics.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}
