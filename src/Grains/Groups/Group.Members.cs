namespace Orleans.Kafka.Grains.Groups;

/// <content>SyncGroup, Heartbeat, LeaveGroup, DescribeGroups.</content>
internal sealed partial class Group
{
    /// <summary>
    /// SyncGroup. The answer comes with the effects, by <paramref name="ticket"/>: when the leader's assignment is in
    /// the log.
    /// </summary>
    public void Sync(long ticket, GroupSync sync, GroupTime now)
    {
        if (_consumers is { } consumers)
        {
            _effects.Syncs.Add((ticket, consumers.Sync(sync, now)));
            return;
        }

        ErrorCode error = Find(sync.Member, out GroupMember member);
        if (error == ErrorCode.None)
        {
            error = Check(sync);
        }

        if (error != ErrorCode.None)
        {
            RefuseSync(ticket, error);
            return;
        }

        member.OwesSync = false;
        if (State == GroupState.Stable)
        {
            RestartSession(member, now);
            AnswerSync(ticket, member);
            return;
        }

        FailSync(member, ErrorCode.RebalanceInProgress);
        member.SyncTicket = ticket;
        if (member.Id == _leader)
        {
            Assign(sync.Assignments, now);
        }
    }

    /// <summary>Heartbeat.</summary>
    public ErrorCode Heartbeat(GroupIdentity identity, int generation, GroupTime now)
    {
        if (_consumers is { } consumers)
        {
            return consumers.Heartbeat(identity, generation, now);
        }

        ErrorCode error = Find(identity, out GroupMember member);
        if (error != ErrorCode.None)
        {
            return error;
        }

        if (State is GroupState.Empty or GroupState.Dead)
        {
            return ErrorCode.UnknownMemberId;
        }

        if (generation != Generation)
        {
            return ErrorCode.IllegalGeneration;
        }

        RestartSession(member, now);
        return State == GroupState.PreparingRebalance ? ErrorCode.RebalanceInProgress : ErrorCode.None;
    }

    /// <summary>LeaveGroup of one member. Static members may be named by their instance alone: by administrators.</summary>
    public ErrorCode Leave(GroupIdentity identity, GroupTime now)
    {
        if (_consumers is { } consumers)
        {
            return LeaveConsumers(consumers, identity, now);
        }

        if (identity.InstanceId is { } instance && identity.MemberId.Length == 0)
        {
            if (!_staticMembers.TryGetValue(instance, out string? current))
            {
                return ErrorCode.UnknownMemberId;
            }

            identity = identity with { MemberId = current };
        }
        else if (_pending.Remove(identity.MemberId))
        {
            GoOn(now);
            return ErrorCode.None;
        }

        ErrorCode error = Find(identity, out GroupMember member);
        if (error == ErrorCode.None)
        {
            Remove(member, now);
        }

        return error;
    }

    /// <summary>What DescribeGroups shows; null when there is no such group of the classic protocol.</summary>
    public GroupDescription? Describe()
    {
        if (!Exists || _consumers is not null)
        {
            return null;
        }

        bool isStable = State == GroupState.Stable;
        return new GroupDescription
        {
            State = State.ToString(),
            ProtocolType = _protocolType ?? "",
            Protocol = isStable ? _protocol ?? "" : "",
            Members = [.. _members.Values.Select(member => new GroupMemberDescription
            {
                Member = member.Identity,
                ClientId = member.ClientId,
                ClientHost = member.ClientHost,
                Metadata = isStable ? member.MetadataOf(_protocol) : [],
                Assignment = member.Assignment,
            })],
        };
    }

    private ErrorCode Check(GroupSync sync)
    {
        if (State is GroupState.Empty or GroupState.Dead)
        {
            return ErrorCode.UnknownMemberId;
        }

        if (sync.Generation != Generation)
        {
            return ErrorCode.IllegalGeneration;
        }

        // While a rebalance is prepared there is no protocol that one could agree with.
        if (State == GroupState.PreparingRebalance)
        {
            return ErrorCode.RebalanceInProgress;
        }

        return (sync.ProtocolType is not null && sync.ProtocolType != _protocolType) ||
            (sync.ProtocolName is not null && sync.ProtocolName != _protocol)
            ? ErrorCode.InconsistentGroupProtocol
            : ErrorCode.None;
    }

    private void Assign(GroupAssignment[] assignments, GroupTime now)
    {
        foreach (GroupMember member in _members.Values)
        {
            member.Assignment = [];
        }

        foreach (GroupAssignment each in assignments)
        {
            if (_members.TryGetValue(each.MemberId, out GroupMember? member))
            {
                member.Assignment = each.Assignment;
            }
        }

        Become(GroupState.Stable, now);
        Record();
        foreach (GroupMember member in _members.Values)
        {
            if (member.SyncTicket is { } ticket)
            {
                member.SyncTicket = null;
                RestartSession(member, now);
                AnswerSync(ticket, member);
            }
        }
    }

    private void AnswerSync(long ticket, GroupMember member) => _effects.Syncs.Add((ticket, new GroupSyncReply
    {
        ProtocolType = _protocolType,
        ProtocolName = _protocol,
        Assignment = member.Assignment,
    }));

    private void FailSync(GroupMember member, ErrorCode error)
    {
        if (member.SyncTicket is { } ticket)
        {
            member.SyncTicket = null;
            RefuseSync(ticket, error);
        }
    }

    private void RefuseSync(long ticket, ErrorCode error) =>
        _effects.Syncs.Add((ticket, new GroupSyncReply { Error = (short)error }));
}
