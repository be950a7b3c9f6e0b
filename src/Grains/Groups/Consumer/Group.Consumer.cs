using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Grains.Metadata;

namespace Orleans.Kafka.Grains.Groups;

/// <content>
/// The members of the consumer protocol, and the group's way from one protocol to the other. As long as there is such a
/// membership it has all members, and the fields of the classic one are empty.
/// </content>
internal sealed partial class Group
{
    private ConsumerMembership? _consumers;

    /// <summary>The group follows the consumer protocol (KIP-848).</summary>
    public bool IsConsumerGroup => _consumers is not null;

    /// <summary>Kafka's name of the state, of whichever protocol.</summary>
    public string StateName => _consumers is { } consumers ? consumers.State.ToString() : State.ToString();

    /// <summary>What ListGroups shows; null when there is nothing to show.</summary>
    public GroupListing? Listing => !Exists ? null : _consumers is { } consumers
        ? new GroupListing(id, GroupProtocols.Consumer, consumers.State.ToString(), GroupListing.ConsumerType)
        : new GroupListing(id, _protocolType ?? "", State.ToString());

    /// <summary>ConsumerGroupHeartbeat.</summary>
    public ConsumerHeartbeatReply ConsumerHeartbeat(ConsumerHeartbeat request, GroupTime now)
    {
        if (State == GroupState.Dead)
        {
            return HeartbeatChecks.Refused(ErrorCode.CoordinatorNotAvailable, null);
        }

        if (request is { NeedsMemberId: true, MemberEpoch: 0, MemberId.Length: 0 })
        {
            request = request with { MemberId = newId() };
        }

        bool isKnownPattern = _consumers?.HasPattern(request.Pattern) == true;
        if (HeartbeatChecks.Check(request, settings().Consumer, isKnownPattern) is { } refusal)
        {
            return refusal;
        }

        if (_consumers is null && (request.MemberEpoch != 0 || !Upgrade(now)))
        {
            return HeartbeatChecks.Refused(
                ErrorCode.GroupIdNotFound, Exists ? $"Group {id} is not a consumer group." : $"Group {id} not found.");
        }

        ConsumerHeartbeatReply reply = _consumers!.Heartbeat(request, now);
        DowngradeIfDue(now);
        return reply;
    }

    /// <summary>ConsumerGroupDescribe; null when there is no such group of the consumer protocol.</summary>
    public ConsumerGroupDescription? DescribeConsumers() => _consumers?.Describe();

    /// <summary>OffsetFetch by a member: its epoch must be its own.</summary>
    public GroupFetchReply FetchOffsets(GroupFetch fetch)
    {
        ErrorCode error = _consumers?.Check(fetch) ?? ErrorCode.None;
        return error == ErrorCode.None
            ? new GroupFetchReply { Offsets = FetchOffsets(fetch.Wanted) }
            : new GroupFetchReply { Error = (short)error };
    }

    /// <summary>JoinGroup in a consumer group. False when the classic protocol is to go on with it.</summary>
    private bool JoinsConsumers(long ticket, GroupJoin join, GroupTime now)
    {
        if (_consumers is not { } consumers)
        {
            return false;
        }

        GroupSettings current = settings();
        if (join.SessionTimeoutMs < current.SessionTimeoutMinMs || join.SessionTimeoutMs > current.SessionTimeoutMaxMs)
        {
            RefuseJoin(ticket, ErrorCode.InvalidSessionTimeout, join.Member.MemberId);
            return true;
        }

        if (join.Member.InstanceId?.Length > GroupProtocols.NameMax)
        {
            RefuseJoin(ticket, ErrorCode.InvalidRequest, join.Member.MemberId);
            return true;
        }

        if (consumers.IsEmpty)
        {
            LeaveConsumerProtocol(consumers, now);
            return false;
        }

        GroupJoinReply reply = consumers.Join(join, _pending.Remove(join.Member.MemberId), now);
        if (reply.Error == (short)ErrorCode.MemberIdRequired)
        {
            Expect(reply.MemberId, join, now);
        }

        AnswerJoin(ticket, reply);
        DowngradeIfDue(now);
        return true;
    }

    private ErrorCode LeaveConsumers(ConsumerMembership consumers, GroupIdentity identity, GroupTime now)
    {
        ErrorCode error = consumers.Find(identity, out ConsumerMember member);
        if (error == ErrorCode.None)
        {
            consumers.Remove(member, now);
            DowngradeIfDue(now);
        }

        return error;
    }

    /// <summary>
    /// Offsets are kept as long as somebody subscribes to their topic; then their time runs from the commit, or from when
    /// the last member left. (Kafka does not look at the latter in such groups, so that one which reads for longer than
    /// the retention and then stops for a moment loses what it committed first.)
    /// </summary>
    private void ExpireOffsets(ConsumerMembership consumers, GroupTime now)
    {
        _offsets.Expired(now.UnixMs, settings().OffsetRetentionMs, consumers.EmptySinceMs, consumers.SubscribedTopics)
            .ForEach(Forget);
        if (consumers.IsEmpty && _offsets.Count == 0 && _pending.Count == 0)
        {
            Die();
        }
    }

    /// <summary>
    /// The group follows the consumer protocol from now on. Classic members stay, with what they have; those that wait
    /// for an answer join again. False when the settings or the members do not allow it.
    /// </summary>
    private bool Upgrade(GroupTime now)
    {
        ConsumerSettings current = settings().Consumer;
        bool isAllowed = _members.Count == 0 ||
            (current.Upgrades && _protocolType == GroupProtocols.Consumer && _members.Count < current.SizeMax);
        ConsumerMembership consumers = NewMembership();
        if (!isAllowed || ((_members.Count > 0 || Generation > 0) && !consumers.TryTakeOver(_members.Values, _protocol, Generation, now)))
        {
            return false;
        }

        foreach (GroupMember member in _members.Values)
        {
            FailParked(member, ErrorCode.RebalanceInProgress);
        }

        if (_isRecorded)
        {
            _effects.Records.Add(GroupRecords.NoState(id));
        }

        ForgetClassicMembers();
        _consumers = consumers;
        return true;
    }

    /// <summary>
    /// The last member of the consumer protocol is gone: the others go on among themselves, beginning with a rebalance.
    /// </summary>
    private void DowngradeIfDue(GroupTime now)
    {
        if (_consumers is not { IsEmpty: false, HasConsumers: false } consumers || !settings().Consumer.Downgrades)
        {
            return;
        }

        _consumers = null;
        Generation = Math.Max(Generation, consumers.AssignmentEpoch);
        _protocolType = GroupProtocols.Consumer;
        foreach (ConsumerMember former in consumers.Members)
        {
            var member = new GroupMember
            {
                Id = former.Id,
                InstanceId = former.InstanceId,
                ClientId = former.ClientId,
                ClientHost = former.ClientHost,
                SessionTimeoutMs = former.Classic!.SessionTimeoutMs,
                RebalanceTimeoutMs = former.RebalanceTimeoutMs,
                Protocols = former.Classic.Protocols,
                Assignment = consumers.AssignmentOf(former),
            };
            _members[member.Id] = member;
            if (member.InstanceId is { } instance)
            {
                _staticMembers[instance] = member.Id;
            }

            RestartSession(member, now);
        }

        _leader = _members.Keys.First();
        _protocol = GroupProtocols.Elect(_members.Values);
        _subscribedTopics = GroupProtocols.SubscribedTopics(_protocolType, _protocol, _members.Values);
        Become(GroupState.Stable, now);
        Record();
        consumers.WriteEnd();
        Prepare(now);
    }

    /// <summary>
    /// Nobody is there any more who would speak the consumer protocol: who joins finds a classic group. Its generations
    /// go on where the epochs end, also for the next coordinator.
    /// </summary>
    private void LeaveConsumerProtocol(ConsumerMembership consumers, GroupTime now)
    {
        Generation = Math.Max(Generation, consumers.GroupEpoch);
        _protocolType = GroupProtocols.Consumer;
        Become(GroupState.Empty, now);
        Record();
        consumers.WriteEnd();
        _consumers = null;
    }

    private void ForgetClassicMembers()
    {
        _members.Clear();
        _staticMembers.Clear();
        _leader = null;
        _protocol = null;
        _protocolType = null;
        _subscribedTopics = null;
        _isRecorded = false;
        _isInitialDelay = false;
        _joinDeadline = Never;
        _syncDeadline = Never;
        State = GroupState.Empty;
    }

    private ConsumerMembership NewMembership() => new(
        id,
        () => settings().Consumer,
        metadata ?? (() => MetadataImage.Empty),
        newId,
        record => _effects.Records.Add(record),
        lost => _effects.Lost.Add(lost));
}
