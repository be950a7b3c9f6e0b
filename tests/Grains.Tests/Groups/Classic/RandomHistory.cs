using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>
/// One seeded history of a group. Members behave as clients do, over a network that loses and repeats; what the group
/// answers is held against what it promised before.
/// </summary>
internal sealed class RandomHistory(int seed)
{
    private const int MembersMax = 10;
    private const int Partitions = 12;
    private const int PauseMaxMs = 3_000;

    private readonly Random _random = new(seed);
    private readonly ClassicScene _scene = new();
    private readonly List<SimulatedMember> _members = [];
    private readonly Dictionary<(int Generation, int Partition), string> _owners = [];
    private readonly List<(string MemberId, int Generation, string? Instance)> _sent = [];
    private readonly Dictionary<string, long> _heardOf = [];
    private long _committed = -1;
    private int _generation;
    private int _instances;

    /// <summary>Takes a refused commit for one that was taken: the checker has to notice.</summary>
    public bool BelievesRefusedCommits { get; init; }

    /// <summary>Lets so many things happen.</summary>
    public void Run(int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            Act();
            CheckGroup();
        }
    }

    /// <summary>Nothing is lost any more, nobody comes or goes: the living must come to share all partitions.</summary>
    public void CalmDown()
    {
        for (int round = 0; round < 200 && !IsShared(); round++)
        {
            foreach (SimulatedMember member in _members)
            {
                Drive(member, isLost: false);
            }

            _scene.Pass(1_000);
            CheckGroup();
        }

        Assert.True(IsShared(), $"the group does not calm down: {_scene.Group.State}");
    }

    private bool IsShared() =>
        _members.Count == 0 ||
        (_scene.Group.State == GroupState.Stable && _scene.Group.Members.Count == _members.Count &&
            _members.TrueForAll(each => each.Phase == MemberPhase.Stable && each.Generation == _scene.Group.Generation));

    private void Act()
    {
        int choice = _random.Next(100);
        if (choice < 4 && _members.Count < MembersMax)
        {
            _members.Add(new SimulatedMember(_random.Next(4) == 0 ? $"instance-{_instances++}" : null));
        }
        else if (choice < 6 && _members.Count > 0)
        {
            Die(Any());
        }
        else if (choice < 8 && _members.Count > 0)
        {
            LeaveOrStay(Any());
        }
        else if (choice < 10)
        {
            _scene.Reload();
            _heardOf.Clear();
            foreach (SimulatedMember member in _members)
            {
                member.ConnectionLost();
            }
        }
        else if (choice < 20)
        {
            _scene.Pass(_random.Next(1, PauseMaxMs));
        }
        else if (choice < 25 && _sent.Count > 0)
        {
            (string memberId, int generation, string? instance) = _sent[_random.Next(_sent.Count)];
            Commit(memberId, generation, instance);
        }
        else if (_members.Count > 0)
        {
            Drive(Any(), isLost: _random.Next(10) == 0);
        }
    }

    private SimulatedMember Any() => _members[_random.Next(_members.Count)];

    /// <summary>A process dies; a static member's comes back under its instance id.</summary>
    private void Die(SimulatedMember member)
    {
        _members.Remove(member);
        if (member.Instance is not null && _random.Next(2) == 0)
        {
            _members.Add(new SimulatedMember(member.Instance));
        }
    }

    private void LeaveOrStay(SimulatedMember member)
    {
        if (member.MemberId.Length > 0)
        {
            _scene.Leave(member.MemberId, member.Instance);
            _members.Remove(member);
        }
    }

    /// <summary>A member does what it has to do next; the answer may be lost, the request may have come twice.</summary>
    private void Drive(SimulatedMember member, bool isLost)
    {
        switch (member.Phase)
        {
            case MemberPhase.Out:
                long join = Join(member);
                if (_random.Next(20) == 0)
                {
                    join = Join(member);
                }

                member.Parked(isLost ? null : join);
                break;
            case MemberPhase.Joining:
                TakeJoin(member, isLost);
                break;
            case MemberPhase.Joined:
                member.Parked(isLost ? null : Sync(member));
                break;
            case MemberPhase.Syncing:
                TakeSync(member, isLost);
                break;
            default:
                Work(member, isLost);
                break;
        }
    }

    private long Join(SimulatedMember member)
    {
        _heardOf[member.MemberId] = _scene.Now;
        return _scene.Join(ClassicScene.Joining(member.MemberId, member.Instance) with
        {
            RequiresMemberId = member.Instance is null,
            CanSkipAssignment = true,
            RebalanceTimeoutMs = 20_000,
        });
    }

    private void TakeJoin(SimulatedMember member, bool isLost)
    {
        if (member.Ticket is not { } ticket || isLost)
        {
            member.ConnectionLost();
        }
        else if (_scene.JoinReply(ticket) is { } reply)
        {
            member.TakeJoin(reply);
        }
    }

    private long Sync(SimulatedMember member)
    {
        _heardOf[member.MemberId] = _scene.Now;
        return _scene.Sync(
            member.MemberId, member.Generation, member.Instance,
            assignments: [.. member.Led.Select((each, index) => (each, (byte)index))]);
    }

    private void TakeSync(SimulatedMember member, bool isLost)
    {
        if (member.Ticket is not { } ticket || isLost)
        {
            member.ConnectionLost();
        }
        else if (_scene.SyncReply(ticket) is { } reply)
        {
            member.TakeSync(reply);
            if (member.Phase == MemberPhase.Stable)
            {
                Assert.True(member.Generation >= member.AssignedGeneration, "a member's generation went back");
                member.AssignedGeneration = member.Generation;
                Own(member, reply.Assignment);
            }
        }
    }

    /// <summary>Assignment n stands for every partition that leaves n when divided by ten.</summary>
    private void Own(SimulatedMember member, byte[] assignment)
    {
        foreach (int partition in Enumerable.Range(0, Partitions).Where(_ => assignment.Length > 0)
            .Where(each => each % MembersMax == assignment[0]))
        {
            (int, int) key = (member.Generation, partition);
            string owner = member.Instance ?? member.MemberId;
            Assert.True(
                _owners.TryAdd(key, owner) || _owners[key] == owner,
                $"partition {partition} has two owners in generation {member.Generation}");
        }
    }

    private void Work(SimulatedMember member, bool isLost)
    {
        if (_random.Next(2) == 0)
        {
            _heardOf[member.MemberId] = _scene.Now;
            ErrorCode error = _scene.Heartbeat(member.MemberId, member.Generation, member.Instance);
            member.Take(isLost ? ErrorCode.None : error);
            return;
        }

        _sent.Add((member.MemberId, member.Generation, member.Instance));
        ErrorCode committed = Commit(member.MemberId, member.Generation, member.Instance);
        member.Take(isLost ? ErrorCode.None : committed);
    }

    /// <summary>A commit that may come late: what a fenced member sends must not be taken.</summary>
    private ErrorCode Commit(string memberId, int generation, string? instance)
    {
        _heardOf[memberId] = _scene.Now;
        long offset = _committed + 1;
        bool isCurrent = _scene.Group.Members.Any(each => each.Id == memberId) && generation == _scene.Group.Generation;
        ErrorCode error = _scene.Commit(memberId, generation, offset, instance);
        Assert.True(
            isCurrent || error != ErrorCode.None, $"{memberId} of generation {generation} is fenced and could commit");
        if (error == ErrorCode.None || BelievesRefusedCommits)
        {
            _committed = offset;
        }

        return error;
    }

    /// <summary>
    /// A generation counts from when it is in the log: one whose assignment was not is begun anew by the next coordinator,
    /// and nobody ever had anything in it.
    /// </summary>
    private void CheckGroup()
    {
        if (_scene.Group.State is GroupState.Stable or GroupState.Empty)
        {
            Assert.True(_scene.Group.Generation >= _generation, "the group's generation went back");
            _generation = _scene.Group.Generation;
        }

        Assert.Equal(_committed, _scene.Offset());
        CheckSessions();
    }

    /// <summary>
    /// Who waits for no answer and says nothing for a whole session is no member any more. The answer may have come within
    /// the last pause.
    /// </summary>
    private void CheckSessions()
    {
        foreach (GroupMember member in _scene.Group.Members)
        {
            bool isWaiting = member.JoinTicket is not null || member.SyncTicket is not null;
            if (isWaiting || !_heardOf.TryGetValue(member.Id, out long heardOf))
            {
                _heardOf[member.Id] = heardOf = _scene.Now;
            }

            long silence = _scene.Now - heardOf;
            Assert.True(silence <= ClassicScene.SessionMs + PauseMaxMs, $"{member.Id} was silent for {silence} ms");
        }
    }
}
