using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>The states of a consumer group, by Kafka's names.</summary>
internal enum ConsumerGroupState
{
    /// <summary>No members.</summary>
    Empty,

    /// <summary>The target assignment is older than the group.</summary>
    Assigning,

    /// <summary>Members are on their way to their target.</summary>
    Reconciling,

    /// <summary>Everybody has what it is to have.</summary>
    Stable,
}

/// <summary>
/// The members of a group of the consumer protocol (KIP-848), perhaps with some of the classic protocol among them
/// while clients are exchanged. Three epochs follow each other: the group's grows with every change of members,
/// subscriptions and topics; the assignment's is the group epoch for which was assigned last; a member's is the
/// assignment epoch that it has reached. Knows no clock, no network and no disk: each event comes with the time. Not
/// thread-safe.
/// </summary>
/// <param name="id">The group's id.</param>
/// <param name="settings">The broker's settings, as they are at each event.</param>
/// <param name="metadata">The cluster, as it is at each event.</param>
/// <param name="newId">Makes the unique end of a member id.</param>
/// <param name="write">Takes what must be in the log before anybody hears of it.</param>
/// <param name="report">Hears of members that are given up.</param>
internal sealed partial class ConsumerMembership(
    string id,
    Func<ConsumerSettings> settings,
    Func<MetadataImage> metadata,
    Func<string> newId,
    Action<GroupRecord> write,
    Action<LostMember> report)
{
    /// <summary>The epochs of a group before anybody joined.</summary>
    private const int FirstEpoch = 1;

    private readonly Dictionary<string, ConsumerMember> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ConsumerMember> _staticMembers = new(StringComparer.Ordinal);
    private readonly Dictionary<TopicIdPartition, ConsumerMember> _owners = [];
    private readonly TopicPatterns _patterns = new();
    private (ConsumerSettings Usual, object Configs, ConsumerSettings Own)? _settings;
    private bool _hasPartitionMetadata;
    private long _removedAtMs = -1;
    private ConsumerGroupState? _state = ConsumerGroupState.Empty;

    /// <summary>Grows with every change of members, subscriptions and topics.</summary>
    public int GroupEpoch { get; private set; } = FirstEpoch;

    /// <summary>The group epoch for which was assigned last.</summary>
    public int AssignmentEpoch { get; private set; } = FirstEpoch;

    /// <summary>The members.</summary>
    public IReadOnlyCollection<ConsumerMember> Members => _members.Values;

    /// <summary>True without members.</summary>
    public bool IsEmpty => _members.Count == 0;

    /// <summary>Since when there are no members, on the calendar's clock; -1 when that is not known.</summary>
    public long EmptySinceMs => IsEmpty ? _removedAtMs : -1;

    /// <summary>Some member speaks the consumer protocol.</summary>
    public bool HasConsumers => _classicMembers < _members.Count;

    /// <summary>
    /// When <see cref="Tick"/> has something to do, on the forward clock; perhaps nothing yet, for a heartbeat moves a
    /// session's end without looking for the next one.
    /// </summary>
    public long NextTick { get; private set; } = Group.Never;

    /// <summary>The state.</summary>
    public ConsumerGroupState State => _state ??= FindState();

    /// <summary>The assignor that most members wish; the broker's first when nobody says.</summary>
    public string AssignorName
    {
        get
        {
            // Among equals the one that the broker names first; without a wish that is its first.
            string[] supported = settings().Assignors;
            return supported.MaxBy(assignor => _assignorWishes.GetValueOrDefault(assignor))!;
        }
    }

    private ConsumerSettings Settings
    {
        get
        {
            (ConsumerSettings usual, IReadOnlyDictionary<string, Dictionary<string, string>> configs) =
                (settings(), metadata().ResourceConfigs);
            if (_settings is not { } read || !ReferenceEquals(read.Usual, usual) || !ReferenceEquals(read.Configs, configs))
            {
                string key = ConfigReplacement.KeyOf(GroupResourceType, id);
                _settings = read = (usual, configs, usual.For(configs.GetValueOrDefault(key)));
            }

            return read.Own;
        }
    }

    /// <summary>Does what is due.</summary>
    public void Tick(GroupTime now)
    {
        foreach (ConsumerMember member in _members.Values.Where(each => each.NextDeadline <= now.ElapsedMs).ToList())
        {
            report(new LostMember(member.Id, member.ClientId, member.ClientHost, ReasonToGiveUp(member, now)));
            Remove(member, now);
        }

        if (_assignDue <= now.ElapsedMs)
        {
            AssignIfDue(now);
        }

        NextTick = _assignDue;
        foreach (ConsumerMember member in _members.Values)
        {
            WakeBy(member.NextDeadline);
        }
    }

    /// <summary>What ConsumerGroupDescribe shows.</summary>
    public ConsumerGroupDescription Describe() => new()
    {
        State = State.ToString(),
        GroupEpoch = GroupEpoch,
        AssignmentEpoch = AssignmentEpoch,
        AssignorName = AssignorName,
        Members = [.. _members.Values.Select(member => new ConsumerMemberDescription
        {
            Member = new GroupIdentity { MemberId = member.Id, InstanceId = member.InstanceId },
            RackId = member.RackId,
            MemberEpoch = member.Epoch,
            ClientId = member.ClientId,
            ClientHost = member.ClientHost,
            Topics = member.Topics,
            Pattern = member.Pattern ?? "",
            Assignment = PartitionSets.ByTopic(member.Assigned.Keys.Concat(member.PendingRevocation.Keys)),
            TargetAssignment = PartitionSets.ByTopic(member.Target ?? []),
            IsClassic = member.Classic is not null,
        })],
    };

    /// <summary>Writes the end of everything that the log has of these members.</summary>
    public void WriteEnd()
    {
        foreach (string memberId in _members.Keys)
        {
            WriteAll(ConsumerRecords.NoMember(id, memberId));
        }

        WriteAll(_patterns.All.Select(pattern => ConsumerRecords.NoPattern(id, pattern.Key)));
        WriteAll(ConsumerRecords.NoGroup(id, _hasPartitionMetadata));
    }

    private static string ReasonToGiveUp(ConsumerMember member, GroupTime now) =>
        member.SessionDeadline <= now.ElapsedMs ? "it was silent for a whole session"
        : member.RevocationDeadline <= now.ElapsedMs ? "it did not give up its partitions within the rebalance timeout"
        : "it did not join again within the rebalance timeout";

    private ConsumerGroupState FindState()
    {
        if (_members.Count == 0)
        {
            return ConsumerGroupState.Empty;
        }

        if (GroupEpoch > AssignmentEpoch)
        {
            return ConsumerGroupState.Assigning;
        }

        return _members.Values.All(
            member => member.State == ConsumerMemberState.Stable && member.Epoch == AssignmentEpoch)
            ? ConsumerGroupState.Stable
            : ConsumerGroupState.Reconciling;
    }

    private void WriteAll(IEnumerable<GroupRecord> records)
    {
        foreach (GroupRecord record in records)
        {
            write(record);
        }
    }

    private void WakeBy(long deadline) => NextTick = Math.Min(NextTick, deadline);

    private void RestartSession(ConsumerMember member, GroupTime now)
    {
        member.SessionDeadline = now.ElapsedMs + (member.Classic?.SessionTimeoutMs ?? Settings.SessionTimeoutMs);
        WakeBy(member.SessionDeadline);
    }
}
