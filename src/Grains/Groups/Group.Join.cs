namespace Orleans.Kafka.Grains.Groups;

/// <content>JoinGroup.</content>
internal sealed partial class Group
{
    /// <summary>
    /// JoinGroup. The answer comes with the effects, by <paramref name="ticket"/>: at once for an error and where no
    /// rebalance is needed, else when the join phase ends.
    /// </summary>
    public void Join(long ticket, GroupJoin join, GroupTime now)
    {
        if (JoinsConsumers(ticket, join, now))
        {
            return;
        }

        ErrorCode error = Check(join);
        if (error == ErrorCode.GroupMaxSizeReached)
        {
            GiveUp(join.Member.MemberId, now);
            RefuseJoin(ticket, error, "");
        }
        else if (error != ErrorCode.None)
        {
            RefuseJoin(ticket, error, join.Member.MemberId);
        }
        else if (join.Member.MemberId.Length == 0)
        {
            JoinAsStranger(ticket, join, now);
        }
        else if (join.Member.InstanceId is null && _pending.ContainsKey(join.Member.MemberId))
        {
            Add(ticket, join.Member.MemberId, join, now);
        }
        else if ((error = Find(join.Member, out GroupMember member)) != ErrorCode.None)
        {
            RefuseJoin(ticket, error, join.Member.MemberId);
        }
        else
        {
            JoinAgain(ticket, member, join, now);
        }
    }

    private ErrorCode Check(GroupJoin join)
    {
        GroupSettings current = settings();
        if (State == GroupState.Dead)
        {
            return ErrorCode.CoordinatorNotAvailable;
        }

        if (join.SessionTimeoutMs < current.SessionTimeoutMinMs || join.SessionTimeoutMs > current.SessionTimeoutMaxMs)
        {
            return ErrorCode.InvalidSessionTimeout;
        }

        if (join.Member.InstanceId?.Length > GroupProtocols.NameMax)
        {
            return ErrorCode.InvalidRequest;
        }

        bool isNamed = join.Member.MemberId.Length > 0;
        if (isNamed && join.Member.InstanceId is null &&
            !_pending.ContainsKey(join.Member.MemberId) && !_members.ContainsKey(join.Member.MemberId))
        {
            return ErrorCode.UnknownMemberId;
        }

        // A static member that comes back takes nobody's room.
        string seat = join.Member.InstanceId is { } instance
            ? _staticMembers.GetValueOrDefault(instance, join.Member.MemberId)
            : join.Member.MemberId;
        if (!HasRoom(seat, current.SizeMax))
        {
            return ErrorCode.GroupMaxSizeReached;
        }

        return Supports(join) ? ErrorCode.None : ErrorCode.InconsistentGroupProtocol;
    }

    /// <summary>Nobody is to wait for one that was told that there is no room for it.</summary>
    private void GiveUp(string memberId, GroupTime now)
    {
        _pending.Remove(memberId);
        if (_members.TryGetValue(memberId, out GroupMember? member))
        {
            Drop(member);
        }

        GoOn(now);
    }

    /// <summary>
    /// Gives an id to somebody who has to come back with it. There is an end to them: the one whose time is up first has
    /// to ask again.
    /// </summary>
    private void Expect(string memberId, GroupJoin join, GroupTime now)
    {
        if (_pending.Count >= PendingMax)
        {
            _pending.Remove(_pending.MinBy(each => each.Value).Key);
        }

        long deadline = now.ElapsedMs + join.SessionTimeoutMs;
        _pending[memberId] = deadline;
        WakeBy(deadline);
    }

    /// <summary>While a rebalance is prepared only those count who wait for it: the others may be gone.</summary>
    private bool HasRoom(string memberId, int sizeMax) => State switch
    {
        GroupState.Empty => true,
        GroupState.PreparingRebalance =>
            (_members.TryGetValue(memberId, out GroupMember? member) && member.JoinTicket is not null) ||
            _members.Values.Count(each => each.JoinTicket is not null) < sizeMax,
        _ => _members.ContainsKey(memberId) || _members.Count < sizeMax,
    };

    private bool Supports(GroupJoin join)
    {
        if (join.ProtocolType.Length is 0 or > GroupProtocols.NameMax || join.Protocols.Length == 0 ||
            Array.Exists(join.Protocols, each => each.Name.Length > GroupProtocols.NameMax))
        {
            return false;
        }

        if (_members.Count == 0)
        {
            return true;
        }

        HashSet<string> common = GroupProtocols.Common(_members.Values);
        return join.ProtocolType == _protocolType && Array.Exists(join.Protocols, each => common.Contains(each.Name));
    }

    private void JoinAsStranger(long ticket, GroupJoin join, GroupTime now)
    {
        string memberId = $"{join.Member.InstanceId ?? join.ClientId}-{newId()}";
        if (join.Member.InstanceId is { } instance)
        {
            if (_staticMembers.TryGetValue(instance, out string? former))
            {
                Replace(ticket, _members[former], memberId, join, now);
            }
            else
            {
                Add(ticket, memberId, join, now);
            }
        }
        else if (join.RequiresMemberId)
        {
            Expect(memberId, join, now);
            RefuseJoin(ticket, ErrorCode.MemberIdRequired, memberId);
        }
        else
        {
            Add(ticket, memberId, join, now);
        }
    }

    private void Add(long ticket, string memberId, GroupJoin join, GroupTime now)
    {
        _pending.Remove(memberId);
        var member = new GroupMember
        {
            Id = memberId,
            InstanceId = join.Member.InstanceId,
            ClientId = join.ClientId,
            ClientHost = join.ClientHost,
            SessionTimeoutMs = join.SessionTimeoutMs,
            RebalanceTimeoutMs = join.RebalanceTimeoutMs,
            Protocols = join.Protocols,
            IsNew = true,
            SessionDeadline = now.ElapsedMs + FirstJoinTimeoutMs,
        };
        WakeBy(member.SessionDeadline);
        if (_members.Count == 0)
        {
            _protocolType = join.ProtocolType;
        }

        _members[memberId] = member;
        _leader ??= memberId;
        if (member.InstanceId is { } instance)
        {
            _staticMembers[instance] = memberId;
        }

        _joinedMeanwhile |= State == GroupState.PreparingRebalance;
        Park(member, ticket);
        RebalanceOrGoOn(now);
    }

    private void JoinAgain(long ticket, GroupMember member, GroupJoin join, GroupTime now)
    {
        bool isKnown = member.HasSameProtocols(join.Protocols);
        switch (State)
        {
            case GroupState.CompletingRebalance when isKnown:
                // The answer was lost on the way.
                Update(member, join);
                RestartSession(member, now);
                AnswerJoin(ticket, CurrentGeneration(member, withMembers: member.Id == _leader));
                break;
            case GroupState.Stable when isKnown && member.Id != _leader:
                Update(member, join);
                RestartSession(member, now);
                AnswerJoin(ticket, CurrentGeneration(member, withMembers: false));
                break;
            case GroupState.Empty or GroupState.Dead:
                RefuseJoin(ticket, ErrorCode.UnknownMemberId, member.Id);
                break;
            default:
                // A leader that joins again wishes to assign anew, perhaps because a topic has more partitions.
                Update(member, join);
                Park(member, ticket);
                RebalanceOrGoOn(now);
                break;
        }
    }

    /// <summary>A static member is back under a new id: it takes the place of its former self, which is fenced.</summary>
    private void Replace(long ticket, GroupMember member, string memberId, GroupJoin join, GroupTime now)
    {
        string formerId = member.Id;
        string? leaderBefore = _leader;
        FailParked(member, ErrorCode.FencedInstanceId);
        _members.Remove(formerId);
        member.Id = memberId;
        member.ClientId = join.ClientId;
        member.ClientHost = join.ClientHost;
        _members[memberId] = member;
        _staticMembers[member.InstanceId!] = memberId;
        if (_leader == formerId)
        {
            _leader = memberId;
        }

        Update(member, join);
        RestartSession(member, now);
        if (State != GroupState.Stable || GroupProtocols.Elect(_members.Values) != _protocol || WishesMore(member))
        {
            Park(member, ticket);
            RebalanceOrGoOn(now);
            return;
        }

        Record();

        // A client that cannot skip the assignment would, as leader, assign: so it is not told that it leads.
        bool leads = join.CanSkipAssignment && _leader == memberId;
        AnswerJoin(ticket, CurrentGeneration(member, withMembers: leads) with
        {
            Leader = (join.CanSkipAssignment ? _leader : leaderBefore) ?? "",
            SkipAssignment = leads,
        });
    }

    /// <summary>A topic that nobody had until now would stay without a reader if its assignment were left as it is.</summary>
    private bool WishesMore(GroupMember member) =>
        _subscribedTopics is not null &&
        GroupProtocols.ReadSubscription(member.MetadataOf(_protocol)) is { } subscription &&
        !_subscribedTopics.IsSupersetOf(subscription.Topics);

    private static void Update(GroupMember member, GroupJoin join)
    {
        member.Protocols = join.Protocols;
        member.SessionTimeoutMs = join.SessionTimeoutMs;
        member.RebalanceTimeoutMs = join.RebalanceTimeoutMs;
    }

    private void Park(GroupMember member, long ticket)
    {
        FailParked(member, ErrorCode.RebalanceInProgress);
        member.JoinTicket = ticket;
    }

    private void FailParked(GroupMember member, ErrorCode error)
    {
        if (member.JoinTicket is { } join)
        {
            member.JoinTicket = null;
            RefuseJoin(join, error, member.Id);
        }

        FailSync(member, error);
    }

    private void RefuseJoin(long ticket, ErrorCode error, string memberId) =>
        AnswerJoin(ticket, new GroupJoinReply { Error = (short)error, MemberId = memberId });

    private void AnswerJoin(long ticket, GroupJoinReply reply) => _effects.Joins.Add((ticket, reply));

    private GroupJoinReply CurrentGeneration(GroupMember member, bool withMembers) => new()
    {
        Generation = Generation,
        ProtocolType = _protocolType,
        ProtocolName = _protocol,
        Leader = _leader ?? "",
        MemberId = member.Id,
        Members = withMembers ? [.. _members.Values.Select(each => new GroupJoinMember
        {
            Member = each.Identity,
            Metadata = each.MetadataOf(_protocol),
        })] : [],
    };
}
