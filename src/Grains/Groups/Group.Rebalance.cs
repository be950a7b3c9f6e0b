namespace Orleans.Kafka.Grains.Groups;

/// <content>The two phases of a rebalance, and everything that happens when time is over.</content>
internal sealed partial class Group
{
    private long _nextTick = Never;
    private long _joinDeadline = Never;
    private long _syncDeadline = Never;
    private long _initialDelayLeftMs;
    private bool _isInitialDelay;
    private bool _joinedMeanwhile;

    /// <summary>
    /// When <see cref="Tick"/> has something to do, on the forward clock; perhaps nothing yet, for a heartbeat moves a
    /// session's end without looking for the next one.
    /// </summary>
    public long NextTick => Math.Min(_nextTick, _consumers?.NextTick ?? Never);

    /// <summary>Does what is due.</summary>
    public void Tick(GroupTime now)
    {
        if (_consumers is { } consumers)
        {
            consumers.Tick(now);
            DowngradeIfDue(now);
        }

        foreach (string pending in _pending.Where(each => each.Value <= now.ElapsedMs).Select(each => each.Key).ToList())
        {
            _pending.Remove(pending);
            GoOn(now);
        }

        foreach (GroupMember member in _members.Values
            .Where(each => IsGone(each, now)).ToList())
        {
            // One that is taken out may end the join phase, which takes out or answers others.
            if (IsGone(member, now) && _members.ContainsKey(member.Id))
            {
                Report(member, "it was silent for a whole session");
                Remove(member, now);
            }
        }

        if (_joinDeadline <= now.ElapsedMs)
        {
            OnJoinDeadline(now);
        }

        if (_syncDeadline <= now.ElapsedMs)
        {
            OnSyncDeadline(now);
        }

        _nextTick = Math.Min(_joinDeadline, _syncDeadline);
        foreach (long deadline in _pending.Values)
        {
            WakeBy(deadline);
        }

        foreach (GroupMember member in _members.Values.Where(each => each.IsSessionRunning))
        {
            WakeBy(member.SessionDeadline);
        }
    }

    private static bool IsGone(GroupMember member, GroupTime now) =>
        member.IsSessionRunning && member.SessionDeadline <= now.ElapsedMs;

    private void WakeBy(long deadline) => _nextTick = Math.Min(_nextTick, deadline);

    private void RebalanceOrGoOn(GroupTime now)
    {
        if (IsRebalanceable)
        {
            Prepare(now);
        }
        else
        {
            GoOn(now);
        }
    }

    private void Prepare(GroupTime now)
    {
        foreach (GroupMember member in _members.Values)
        {
            FailSync(member, ErrorCode.RebalanceInProgress);
            member.OwesSync = false;
        }

        _syncDeadline = Never;
        _isInitialDelay = State == GroupState.Empty;
        Become(GroupState.PreparingRebalance, now);
        if (!_isInitialDelay)
        {
            SetJoinDeadline(now.ElapsedMs + RebalanceTimeoutMs());
            GoOn(now);
            return;
        }

        long delay = settings().InitialRebalanceDelayMs;
        _initialDelayLeftMs = Math.Max(RebalanceTimeoutMs() - delay, 0);
        _joinedMeanwhile = false;
        SetJoinDeadline(now.ElapsedMs + delay);
        if (delay <= 0)
        {
            OnJoinDeadline(now);
        }
    }

    private long RebalanceTimeoutMs() => _members.Values.Select(member => member.RebalanceTimeoutMs).DefaultIfEmpty(0).Max();

    private void SetJoinDeadline(long deadline)
    {
        _joinDeadline = deadline;
        WakeBy(deadline);
    }

    /// <summary>Ends the join phase early when nobody is missing; not the initial delay, which waits for strangers.</summary>
    private void GoOn(GroupTime now)
    {
        if (State == GroupState.PreparingRebalance && !_isInitialDelay && _pending.Count == 0 &&
            _members.Values.All(member => member.JoinTicket is not null))
        {
            EndJoin(now);
        }
        else if (State == GroupState.PreparingRebalance && _members.Count == 0)
        {
            EndJoin(now);
        }
    }

    private void OnJoinDeadline(GroupTime now)
    {
        if (_isInitialDelay && _joinedMeanwhile && _initialDelayLeftMs > 0)
        {
            long delay = Math.Min(settings().InitialRebalanceDelayMs, _initialDelayLeftMs);
            _joinedMeanwhile = false;
            _initialDelayLeftMs -= delay;
            SetJoinDeadline(now.ElapsedMs + delay);
            return;
        }

        EndJoin(now);
    }

    private void EndJoin(GroupTime now)
    {
        foreach (GroupMember missing in _members.Values
            .Where(member => member.JoinTicket is null && member.InstanceId is null).ToList())
        {
            Report(missing, "it did not join again within the rebalance timeout");
            Drop(missing);
        }

        // Static members keep their place until their session ends; without anybody else there is no one to lead.
        if (_members.Count > 0 && !ElectLeader())
        {
            SetJoinDeadline(now.ElapsedMs + RebalanceTimeoutMs());
            return;
        }

        _joinDeadline = Never;
        _isInitialDelay = false;
        Generation++;
        if (_members.Count == 0)
        {
            _protocol = null;
            _leader = null;
            _subscribedTopics = null;
            Become(GroupState.Empty, now);
            Record();
            return;
        }

        _protocol = GroupProtocols.Elect(_members.Values);
        _subscribedTopics = GroupProtocols.SubscribedTopics(_protocolType, _protocol, _members.Values);
        Become(GroupState.CompletingRebalance, now);
        _syncDeadline = now.ElapsedMs + RebalanceTimeoutMs();
        WakeBy(_syncDeadline);
        foreach (GroupMember member in _members.Values)
        {
            member.OwesSync = true;
            AnswerParkedJoin(member, now);
        }
    }

    private bool ElectLeader()
    {
        if (_leader is not null && _members.TryGetValue(_leader, out GroupMember? leader) && leader.JoinTicket is not null)
        {
            return true;
        }

        GroupMember? next = _members.Values.FirstOrDefault(member => member.JoinTicket is not null);
        _leader = next?.Id ?? _leader;
        return next is not null;
    }

    private void AnswerParkedJoin(GroupMember member, GroupTime now)
    {
        if (member.JoinTicket is not { } ticket)
        {
            return;
        }

        member.JoinTicket = null;
        member.IsNew = false;
        RestartSession(member, now);
        AnswerJoin(ticket, CurrentGeneration(member, withMembers: member.Id == _leader));
    }

    /// <summary>Who joined and did not ask for its assignment in time holds up nobody else any longer.</summary>
    private void OnSyncDeadline(GroupTime now)
    {
        _syncDeadline = Never;
        List<GroupMember> missing = [.. _members.Values.Where(member => member.OwesSync)];
        if (missing.Count == 0 || State is not (GroupState.CompletingRebalance or GroupState.Stable))
        {
            return;
        }

        foreach (GroupMember member in missing)
        {
            Report(member, "it did not ask for its assignment within the rebalance timeout");
            Drop(member);
        }

        Prepare(now);
    }

    private void Report(GroupMember member, string reason) =>
        _effects.Lost.Add(new LostMember(member.Id, member.ClientId, member.ClientHost, reason));

    /// <summary>Takes a member out, and rebalances what is left.</summary>
    private void Remove(GroupMember member, GroupTime now)
    {
        Drop(member);
        RebalanceOrGoOn(now);
    }

    private void Drop(GroupMember member)
    {
        FailParked(member, ErrorCode.UnknownMemberId);
        _members.Remove(member.Id);
        if (member.InstanceId is { } instance && _staticMembers.GetValueOrDefault(instance) == member.Id)
        {
            _staticMembers.Remove(instance);
        }

        if (_leader == member.Id)
        {
            _leader = _members.Keys.FirstOrDefault();
        }
    }
}
