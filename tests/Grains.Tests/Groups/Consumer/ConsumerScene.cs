using System.Buffers;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>One group with its log, a clock and a cluster: what a test says happens to it.</summary>
internal sealed class ConsumerScene
{
    public const string GroupId = "group";

    private int _lastId;
    private long _lastTicket;

    public ConsumerScene(params (string Name, int Partitions)[] topics)
    {
        foreach ((string name, int partitions) in topics)
        {
            SetTopic(name, partitions);
        }

        Group = NewGroup();
    }

    public Group Group { get; private set; }

    public GroupSettings Settings { get; set; } = new() { InitialRebalanceDelayMs = 0 };

    public MetadataImage Metadata { get; private set; } = MetadataImage.Empty;

    public long Now { get; private set; } = 1_000_000;

    /// <summary>How many coordinators are gone.</summary>
    public int Restarts { get; private set; }

    /// <summary>Everything the group ever wrote.</summary>
    public List<GroupRecord> Log { get; } = [];

    /// <summary>Who was given up, and why.</summary>
    public List<LostMember> Lost { get; } = [];

    public Dictionary<long, GroupJoinReply> Joins { get; } = [];

    public Dictionary<long, GroupSyncReply> Syncs { get; } = [];

    private GroupTime Time => new(Now, Now + 1_000_000_000);

    public static Guid IdOf(string topic)
    {
        var bytes = new byte[16];
        System.Text.Encoding.ASCII.GetBytes(topic, bytes);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Creates a topic, or gives it more partitions.</summary>
    public void SetTopic(string name, int partitions, Guid? id = null)
    {
        var topic = new TopicImage
        {
            Name = name,
            Id = id ?? IdOf(name),
            Version = Metadata.Version + 1,
            Configs = [],
            Partitions = [.. Enumerable.Range(0, partitions).Select(partition => new PartitionImage
            {
                Partition = partition,
                Replicas = [1],
                InSyncReplicas = [1],
                Leader = 1,
                LeaderEpoch = 0,
                PartitionEpoch = 0,
            })],
        };
        Metadata = Metadata with
        {
            Version = topic.Version,
            Topics = Metadata.Topics.SetItem(name, topic),
            TopicsById = Metadata.TopicsById.SetItem(topic.Id, topic),
        };
    }

    public void DeleteTopic(string name) => Metadata = Metadata with
    {
        Version = Metadata.Version + 1,
        Topics = Metadata.Topics.Remove(name),
        TopicsById = Metadata.TopicsById.Remove(IdOf(name)),
    };

    public void SetGroupConfig(string name, string value) => Metadata = Metadata with
    {
        ResourceConfigs = new Dictionary<string, Dictionary<string, string>>
        {
            [ConfigReplacement.KeyOf(32, GroupId)] = new() { [name] = value },
        },
    };

    /// <summary>Joins by names of topics.</summary>
    public ConsumerHeartbeatReply Join(string memberId, params string[] topics) => Send(Joining(memberId) with { Topics = topics });

    /// <summary>Joins, and must succeed.</summary>
    public Member Joined(string memberId, params string[] topics)
    {
        var member = new Member(this, memberId);
        member.Take(Join(memberId, topics));
        return member;
    }

    public static ConsumerHeartbeat Joining(string memberId) => Beating(memberId, 0) with
    {
        RebalanceTimeoutMs = 30_000,
        Owned = [],
    };

    public static ConsumerHeartbeat Beating(string memberId, int epoch) => new()
    {
        MemberId = memberId,
        MemberEpoch = epoch,
        ClientId = "client",
        ClientHost = "/127.0.0.1",
    };

    public ConsumerHeartbeatReply Send(ConsumerHeartbeat request)
    {
        ConsumerHeartbeatReply reply = Group.ConsumerHeartbeat(request, Time);
        Settle();
        return reply;
    }

    public ConsumerHeartbeatReply Leave(string memberId, int epoch = -1, string? instance = null) =>
        Send(Beating(memberId, epoch) with { InstanceId = instance });

    public GroupJoinReply ClassicJoin(
        string memberId, string[] topics, string[]? owned = null, string? instance = null, string protocol = "range",
        bool requiresId = false)
    {
        long ticket = ++_lastTicket;
        Group.Join(ticket, ClassicJoining(memberId, topics, owned, instance, protocol, requiresId), Time);
        Settle();
        return Joins.GetValueOrDefault(ticket) ?? throw new InvalidOperationException("the join is parked");
    }

    public GroupSyncReply ClassicSync(string memberId, int generation, params GroupAssignment[] assignments)
    {
        long ticket = ++_lastTicket;
        var sync = new GroupSync { Member = Identity(memberId), Generation = generation, Assignments = assignments };
        Group.Sync(ticket, sync, Time);
        Settle();
        return Syncs.GetValueOrDefault(ticket) ?? throw new InvalidOperationException("the sync is parked");
    }

    /// <summary>JoinGroup, whose answer may come later.</summary>
    public long StartJoin(string memberId, string[] topics, string[] owned, string protocol)
    {
        long ticket = ++_lastTicket;
        Group.Join(ticket, ClassicJoining(memberId, topics, owned, null, protocol, requiresId: true), Time);
        Settle();
        return ticket;
    }

    /// <summary>SyncGroup, whose answer may come later.</summary>
    public long StartSync(string memberId, int generation, GroupAssignment[] assignments)
    {
        long ticket = ++_lastTicket;
        var sync = new GroupSync { Member = Identity(memberId), Generation = generation, Assignments = assignments };
        Group.Sync(ticket, sync, Time);
        Settle();
        return ticket;
    }

    /// <summary>The members that the coordinator knows.</summary>
    public HashSet<string> MemberIds() => Group.DescribeConsumers() is { } consumers
        ? [.. consumers.Members.Select(member => member.Member.MemberId)]
        : [.. Group.Members.Select(member => member.Id)];

    public ErrorCode ClassicHeartbeat(string memberId, int generation)
    {
        ErrorCode error = Group.Heartbeat(Identity(memberId), generation, Time);
        Settle();
        return error;
    }

    public ErrorCode ClassicLeave(string memberId)
    {
        ErrorCode error = Group.Leave(Identity(memberId), Time);
        Settle();
        return error;
    }

    public ErrorCode Commit(
        string memberId, int epoch, string topic, int partition, short version = 9, long offset = 7)
    {
        short[] errors = Group.Commit(
            new GroupCommit
            {
                Member = Identity(memberId),
                Generation = epoch,
                Version = version,
                Offsets = [new GroupOffset { Topic = topic, Partition = partition, Offset = offset }],
            },
            Time);
        Settle();
        return (ErrorCode)errors[0];
    }

    /// <summary>The committed offset of a partition; -1 when there is none.</summary>
    public long Offset(string topic, int partition) =>
        Group.FetchOffsets([new GroupPartitionName { Topic = topic, Partition = partition }])[0].Offset;

    public ErrorCode Fetch(string? memberId, int epoch) =>
        (ErrorCode)Group.FetchOffsets(new GroupFetch { MemberId = memberId, MemberEpoch = epoch, Wanted = null }).Error;

    public ErrorCode Delete()
    {
        ErrorCode error = Group.Delete();
        Settle();
        return error;
    }

    public void ExpireOffsets()
    {
        Group.ExpireOffsets(Time);
        Settle();
    }

    public ConsumerGroupDescription Describe() => Group.DescribeConsumers()!;

    /// <summary>Lets time pass, and the group do what is due meanwhile.</summary>
    public void Advance(long milliseconds)
    {
        long end = Now + milliseconds;
        while (Group.NextTick <= end)
        {
            Now = Math.Max(Now, Group.NextTick);
            Group.Tick(Time);
            Settle();
        }

        Now = end;
    }

    /// <summary>The coordinator is gone; the next one has the log.</summary>
    public void Restart()
    {
        Restarts++;
        List<GroupRecord> compacted =
            [.. Log.Reverse<GroupRecord>().DistinctBy(record => Convert.ToHexString(record.Key)).Reverse()];
        Log.Clear();
        Log.AddRange(compacted);
        Group = NewGroup();
        Group.Load(ReadLog(), Time);
        Settle();
    }

    public GroupImage ReadLog()
    {
        var image = new GroupImage();
        foreach (GroupRecord record in Log)
        {
            Assert.Equal(GroupId, GroupRecords.GroupOf(record.Key, out short type));
            image.Apply(type, record);
        }

        return image;
    }

    /// <summary>The keys of all records that are not deleted.</summary>
    public int LiveRecords() => Log
        .GroupBy(record => Convert.ToHexString(record.Key))
        .Count(key => key.Last().Value is not null);

    public static GroupJoin ClassicJoining(
        string memberId, string[] topics, string[]? owned, string? instance, string protocol, bool requiresId) => new()
        {
            Member = new GroupIdentity { MemberId = memberId, InstanceId = instance },
            ClientId = "classic",
            ClientHost = "/127.0.0.1",
            SessionTimeoutMs = 10_000,
            RebalanceTimeoutMs = 20_000,
            ProtocolType = "consumer",
            Protocols = [new GroupProtocol { Name = protocol, Metadata = Subscription(topics, owned) }],
            RequiresMemberId = requiresId,
        };

    /// <summary>What a classic assignment gives, as <c>topic/partition</c>.</summary>
    public static string[] ReadAssignment(byte[] bytes)
    {
        var reader = new KafkaReader(bytes.AsMemory(2));
        var assignment = new ConsumerProtocolAssignment();
        assignment.Read(ref reader, 0);
        Assert.False(reader.Failed);
        return [.. assignment.AssignedPartitions
            .SelectMany(topic => topic.Partitions.Select(partition => $"{topic.Topic}/{partition}"))
            .Order(StringComparer.Ordinal)];
    }

    public static byte[] Assignment(params string[] partitions)
    {
        var assignment = new ConsumerProtocolAssignment();
        foreach (IGrouping<string, string> topic in partitions.GroupBy(each => each.Split('/')[0]))
        {
            assignment.AssignedPartitions.Add(new ConsumerProtocolAssignment.TopicPartition
            {
                Topic = topic.Key,
                Partitions = [.. topic.Select(each => int.Parse(each.Split('/')[1], null))],
            });
        }

        return Bytes(assignment, 1);
    }

    private static byte[] Subscription(string[] topics, string[]? owned)
    {
        var subscription = new ConsumerProtocolSubscription { Topics = [.. topics] };
        foreach (IGrouping<string, string> topic in (owned ?? []).GroupBy(each => each.Split('/')[0]))
        {
            subscription.OwnedPartitions.Add(new ConsumerProtocolSubscription.TopicPartition
            {
                Topic = topic.Key,
                Partitions = [.. topic.Select(each => int.Parse(each.Split('/')[1], null))],
            });
        }

        return Bytes(subscription, 1);
    }

    private static byte[] Bytes(IKafkaMessage message, short version)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(output);
        writer.WriteInt16(version);
        message.Write(ref writer, version);
        writer.Complete();
        return output.WrittenSpan.ToArray();
    }

    private static GroupIdentity Identity(string memberId) => new() { MemberId = memberId };

    private Group NewGroup() => new(GroupId, () => Settings, () => $"id-{++_lastId}", () => Metadata);

    private void Settle()
    {
        GroupEffects effects = Group.TakeEffects();
        Log.AddRange(effects.Records.Select(record => record with { TimestampMs = Time.UnixMs }));
        Lost.AddRange(effects.Lost);
        effects.Joins.ForEach(join => Joins[join.Ticket] = join.Reply);
        effects.Syncs.ForEach(sync => Syncs[sync.Ticket] = sync.Reply);
    }
}

/// <summary>A member that follows the protocol as a client does.</summary>
internal sealed class Member(ConsumerScene scene, string id)
{
    public string Id => id;

    public int Epoch { get; private set; }

    /// <summary>As <c>topic/partition</c>.</summary>
    public string[] Owned { get; private set; } = [];

    /// <summary>Sends a heartbeat that says what it has, and does what the answer says.</summary>
    public Member Beat()
    {
        Take(scene.Send(ConsumerScene.Beating(id, Epoch) with { Owned = Partitions(Owned) }));
        return this;
    }

    public void Take(ConsumerHeartbeatReply reply)
    {
        Assert.Equal(ErrorCode.None, (ErrorCode)reply.Error);
        Epoch = reply.MemberEpoch;
        if (reply.Assignment is { } assignment)
        {
            Owned = Names(assignment);
        }
    }

    public static string[] Names(GroupTopicPartitions[] topics) =>
        [.. topics
            .SelectMany(topic => topic.Partitions.Select(partition => $"{NameOf(topic.TopicId)}/{partition}"))
            .Order(StringComparer.Ordinal)];

    public static GroupTopicPartitions[] Partitions(IEnumerable<string> names) =>
        [.. names.GroupBy(name => name.Split('/')[0]).Select(topic => new GroupTopicPartitions
        {
            TopicId = ConsumerScene.IdOf(topic.Key),
            Partitions = [.. topic.Select(name => int.Parse(name.Split('/')[1], null))],
        })];

    private static string NameOf(Guid id) =>
        System.Text.Encoding.ASCII.GetString(id.ToByteArray(bigEndian: true)).TrimEnd('\0');
}
