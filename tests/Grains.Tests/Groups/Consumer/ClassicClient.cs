using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Assignors;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>
/// A client of the classic protocol: an eager one gives everything up before it joins, a cooperative one says what it
/// has, keeps it, and gives up what the assignment lacks.
/// </summary>
internal sealed class ClassicClient(ConsumerScene scene, string name, bool isCooperative) : HistoryClient(scene, name)
{
    private long _ticket;
    private GroupJoinReply? _joined;
    private bool _mustJoin = true;

    private string Protocol => isCooperative ? "cooperative-sticky" : "range";

    public override void Subscribe(string[] topics)
    {
        base.Subscribe(topics);
        _mustJoin = true;
        _joined = null;
    }

    public override void OnCoordinatorGone()
    {
        if (_ticket != 0)
        {
            _ticket = 0;
            _mustJoin = _joined is null;
        }
    }

    public override void Act(Fate fate)
    {
        if (_ticket != 0 && _joined is null)
        {
            Take(Scene.Joins.GetValueOrDefault(_ticket));
        }
        else if (_ticket != 0)
        {
            Take(Scene.Syncs.GetValueOrDefault(_ticket));
        }
        else if (_joined is not null)
        {
            Sync(fate);
        }
        else if (_mustJoin)
        {
            Join(fate);
        }
        else if (TrySend(fate, () => Scene.ClassicHeartbeat(MemberId, Epoch), out ErrorCode error))
        {
            OnError(error);
        }
    }

    public override void Leave(Fate fate)
    {
        Owned.Clear();
        if (MemberId.Length > 0)
        {
            TrySend(fate, () => Scene.ClassicLeave(MemberId), out _);
        }
    }

    private void Join(Fate fate)
    {
        if (!isCooperative)
        {
            Owned.Clear();
        }

        string[] owned = [.. Owned];
        if (TrySend(fate, () => Scene.StartJoin(MemberId, Topics, owned, Protocol), out long ticket))
        {
            _ticket = ticket;
            Take(Scene.Joins.GetValueOrDefault(ticket));
        }
    }

    private void Take(GroupJoinReply? reply)
    {
        if (reply is null)
        {
            return;
        }

        _ticket = 0;
        MemberId = reply.MemberId.Length > 0 ? reply.MemberId : MemberId;
        if (reply.Error == 0)
        {
            _mustJoin = false;
            _joined = reply;
            Epoch = reply.Generation;
        }
        else
        {
            OnError((ErrorCode)reply.Error);
        }
    }

    private void Sync(Fate fate)
    {
        GroupAssignment[] assignments = _joined!.Members.Length > 0 ? Assign(_joined.Members) : [];
        if (TrySend(fate, () => Scene.StartSync(MemberId, Epoch, assignments), out long ticket))
        {
            _ticket = ticket;
            Take(Scene.Syncs.GetValueOrDefault(ticket));
        }
    }

    private void Take(GroupSyncReply? reply)
    {
        if (reply is null)
        {
            return;
        }

        _ticket = 0;
        _joined = null;
        if (reply.Error != 0)
        {
            _mustJoin = true;
            OnError((ErrorCode)reply.Error);
            return;
        }

        HashSet<string> assigned = [.. ConsumerScene.ReadAssignment(reply.Assignment)];
        _mustJoin = isCooperative && !Owned.IsSubsetOf(assigned);
        Owned = assigned;
    }

    private void OnError(ErrorCode error)
    {
        switch (error)
        {
            case ErrorCode.None:
                break;
            case ErrorCode.MemberIdRequired:
                _mustJoin = true;
                break;
            case ErrorCode.RebalanceInProgress:
                _mustJoin = true;
                _joined = null;
                break;
            case ErrorCode.UnknownMemberId or ErrorCode.IllegalGeneration or ErrorCode.FencedInstanceId:
                MemberId = error == ErrorCode.UnknownMemberId ? "" : MemberId;
                Owned.Clear();
                _mustJoin = true;
                _joined = null;
                break;
            default:
                throw new InvalidOperationException($"{Name} hears {error}");
        }
    }

    /// <summary>As the leader: by stickiness; a cooperative one gives to nobody what somebody else still has.</summary>
    private GroupAssignment[] Assign(GroupJoinMember[] members)
    {
        var subscriptions = members.ToDictionary(
            member => member.Member.MemberId, member => GroupProtocols.ReadSubscription(member.Metadata)!);
        var owners = new Dictionary<TopicPartition, string>();
        foreach ((string memberId, var subscription) in subscriptions)
        {
            foreach (TopicPartition each in subscription.OwnedPartitions.SelectMany(
                topic => topic.Partitions.Select(partition => new TopicPartition(topic.Topic, partition))))
            {
                owners[each] = memberId;
            }
        }

        Dictionary<string, List<TopicPartition>> assignment = new StickyAssignor().Assign(
            [.. subscriptions.Select(each => new AssignorMember(each.Key, null, each.Value.Topics.ToHashSet())
            {
                Owned = [.. owners.Where(owner => owner.Value == each.Key).Select(owner => owner.Key)],
                Generation = 1,
            })],
            Scene.Metadata.Topics.ToDictionary(topic => topic.Key, topic => topic.Value.Partitions.Length));
        return [.. assignment.Select(each => new GroupAssignment
        {
            MemberId = each.Key,
            Assignment = ConsumerScene.Assignment([.. each.Value
                .Where(partition => !isCooperative || owners.GetValueOrDefault(partition, each.Key) == each.Key)
                .Select(partition => $"{partition.Topic}/{partition.Partition}")]),
        })];
    }
}
