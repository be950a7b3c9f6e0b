using System.Buffers;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>One group of the classic protocol with its log and a clock: what a test says happens to it.</summary>
internal sealed class ClassicScene
{
    public const string GroupId = "group";
    public const int SessionMs = 10_000;
    public const int RebalanceMs = 60_000;

    private readonly Dictionary<long, GroupJoinReply> _joins = [];
    private readonly Dictionary<long, GroupSyncReply> _syncs = [];
    private int _lastId;
    private long _lastTicket;

    public ClassicScene() => Group = NewGroup();

    public Group Group { get; private set; }

    public GroupSettings Settings { get; set; } = new() { InitialRebalanceDelayMs = 0 };

    public long Now { get; private set; } = 1_000_000;

    /// <summary>Everything the group ever wrote.</summary>
    public List<GroupRecord> Log { get; } = [];

    /// <summary>Who was given up, and why.</summary>
    public List<LostMember> Lost { get; } = [];

    private GroupTime Time => new(Now, Now + 1_000_000_000);

    public static GroupIdentity Identity(string memberId, string? instance = null) =>
        new() { MemberId = memberId, InstanceId = instance };

    public static byte[] Subscription(params string[] topics)
    {
        var body = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(body);
        writer.WriteInt16(0);
        var subscription = new ConsumerProtocolSubscription();
        subscription.Topics.AddRange(topics);
        subscription.Write(ref writer, 0);
        writer.Complete();
        return body.WrittenSpan.ToArray();
    }

    public static GroupJoin Joining(string memberId, string? instance = null) => new()
    {
        Member = Identity(memberId, instance),
        ClientId = "client",
        ClientHost = "/127.0.0.1",
        SessionTimeoutMs = SessionMs,
        RebalanceTimeoutMs = RebalanceMs,
        ProtocolType = "consumer",
        Protocols = [Protocol("range", "t")],
    };

    public static GroupProtocol Protocol(string name, params string[] topics) =>
        new() { Name = name, Metadata = Subscription(topics) };

    /// <summary>Sends a join; the answer may be parked (<see cref="JoinReply"/>).</summary>
    public long Join(GroupJoin join)
    {
        long ticket = ++_lastTicket;
        Group.Join(ticket, join, Time);
        Settle();
        return ticket;
    }

    /// <summary>Sends a join that is answered at once.</summary>
    public GroupJoinReply Joined(GroupJoin join) =>
        JoinReply(Join(join)) ?? throw new InvalidOperationException("the join is parked");

    public GroupJoinReply? JoinReply(long ticket) => _joins.GetValueOrDefault(ticket);

    public long Sync(
        string memberId, int generation, string? instance = null, string? type = null, string? protocol = null,
        params (string Member, byte Partition)[] assignments)
    {
        long ticket = ++_lastTicket;
        var sync = new GroupSync
        {
            Member = Identity(memberId, instance),
            Generation = generation,
            ProtocolType = type,
            ProtocolName = protocol,
            Assignments = [.. assignments.Select(
                each => new GroupAssignment { MemberId = each.Member, Assignment = [each.Partition] })],
        };
        Group.Sync(ticket, sync, Time);
        Settle();
        return ticket;
    }

    public GroupSyncReply? SyncReply(long ticket) => _syncs.GetValueOrDefault(ticket);

    public GroupSyncReply Synced(string memberId, int generation, params (string Member, byte Partition)[] assignments) =>
        SyncReply(Sync(memberId, generation, assignments: assignments)) ??
        throw new InvalidOperationException("the sync is parked");

    public ErrorCode Heartbeat(string memberId, int generation, string? instance = null) =>
        Settled(Group.Heartbeat(Identity(memberId, instance), generation, Time));

    public ErrorCode Leave(string memberId, string? instance = null) =>
        Settled(Group.Leave(Identity(memberId, instance), Time));

    public ErrorCode Commit(
        string memberId, int generation, long offset = 1, string? instance = null, short version = 8,
        string topic = "t", string metadata = "", long retentionMs = -1, Guid topicId = default)
    {
        short[] errors = Group.Commit(
            new GroupCommit
            {
                Member = Identity(memberId, instance),
                Generation = generation,
                Version = version,
                RetentionTimeMs = retentionMs,
                Offsets =
                [
                    new GroupOffset
                    {
                        Topic = topic,
                        Partition = 0,
                        TopicId = topicId,
                        Offset = offset,
                        Metadata = metadata,
                    },
                ],
            },
            Time);
        return Settled((ErrorCode)errors[0]);
    }

    public ErrorCode Delete() => Settled(Group.Delete());

    public GroupOffsetDeletion DeleteOffset(string topic) =>
        Settled(Group.DeleteOffsets([new GroupPartitionName { Topic = topic, Partition = 0 }]));

    public void ExpireOffsets()
    {
        Group.ExpireOffsets(Time);
        Settle();
    }

    /// <summary>The committed offset of partition 0; -1 when there is none.</summary>
    public long Offset(string topic = "t", Guid topicId = default) =>
        Group.FetchOffsets([new GroupPartitionName { Topic = topic, Partition = 0, TopicId = topicId }])[0].Offset;

    /// <summary>Lets time pass; what becomes due is done when it is due.</summary>
    public void Pass(long ms)
    {
        long end = Now + ms;
        while (Group.NextTick <= end)
        {
            Now = Math.Max(Now, Group.NextTick);
            Group.Tick(Time);
            Settle();
        }

        Now = end;
    }

    /// <summary>The coordinator goes away, with all that waits, and another one reads the log.</summary>
    public void Reload()
    {
        var image = new GroupImage();
        foreach (GroupRecord record in Log)
        {
            GroupRecords.GroupOf(record.Key, out short type);
            image.Apply(type, record);
        }

        Group = NewGroup();
        Group.Load(image, Time);
        Settle();
    }

    /// <summary>A member alone in a stable group.</summary>
    public string Alone()
    {
        GroupJoinReply joined = Joined(Joining(""));
        Synced(joined.MemberId, joined.Generation, (joined.MemberId, 7));
        return joined.MemberId;
    }

    /// <summary>A leader and a follower whose generation waits for the leader's assignment.</summary>
    public (string Leader, string Follower) TwoThatCompleteTheRebalance()
    {
        string leader = Alone();
        long follower = Join(Joining(""));
        Joined(Joining(leader));
        return (leader, JoinReply(follower)!.MemberId);
    }

    /// <summary>A leader and a follower in a stable group.</summary>
    public (string Leader, string Follower) TwoStable()
    {
        (string leader, string follower) = TwoThatCompleteTheRebalance();
        Sync(follower, Group.Generation);
        Synced(leader, Group.Generation, (leader, 1), (follower, 2));
        return (leader, follower);
    }

    private Group NewGroup() => new(GroupId, () => Settings, () => $"{++_lastId}");

    private T Settled<T>(T outcome)
    {
        Settle();
        return outcome;
    }

    private void Settle()
    {
        GroupEffects effects = Group.TakeEffects();
        Log.AddRange(effects.Records);
        Lost.AddRange(effects.Lost);
        effects.Joins.ForEach(each => _joins.Add(each.Ticket, each.Reply));
        effects.Syncs.ForEach(each => _syncs.Add(each.Ticket, each.Reply));
    }
}
