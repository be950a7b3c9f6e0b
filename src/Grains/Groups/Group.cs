using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>The states of the classic protocol, by Kafka's names.</summary>
internal enum GroupState
{
    /// <summary>No members; perhaps offsets.</summary>
    Empty,

    /// <summary>Waiting for all members to join.</summary>
    PreparingRebalance,

    /// <summary>Waiting for the leader's assignment.</summary>
    CompletingRebalance,

    /// <summary>Everybody has its assignment.</summary>
    Stable,

    /// <summary>Deleted: no event changes it any more.</summary>
    Dead,
}

/// <summary>
/// A group: its committed offsets, its members of the classic protocol or, once somebody speaks the consumer protocol, the
/// <see cref="ConsumerMembership"/> that has all members. Knows no clock, no network and no disk: each event comes with the time, changes the
/// state at once, and leaves behind what must be written and answered (<see cref="TakeEffects"/>). Not thread-safe.
/// </summary>
/// <param name="id">The group's id.</param>
/// <param name="settings">The broker's settings, as they are at each event.</param>
/// <param name="newId">Makes the unique end of a member id.</param>
/// <param name="metadata">The cluster, as it is at each event; only members of the consumer protocol need it.</param>
internal sealed partial class Group(
    string id, Func<GroupSettings> settings, Func<string> newId, Func<MetadataImage>? metadata = null)
{
    /// <summary>Nothing is due.</summary>
    public const long Never = long.MaxValue;

    /// <summary>
    /// A new member's first join may be parked for long, and a client that went away meanwhile cannot leave: it does
    /// not know its id. So it is given up after this time.
    /// </summary>
    private const int FirstJoinTimeoutMs = 5 * 60 * 1000;

    /// <summary>So many may be about to come back with an id that they were given.</summary>
    private const int PendingMax = 10_000;

    private readonly Dictionary<string, GroupMember> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _staticMembers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _pending = new(StringComparer.Ordinal);
    private readonly GroupOffsets _offsets = new();
    private GroupEffects _effects = new();
    private string? _protocolType;
    private string? _protocol;
    private string? _leader;
    private HashSet<string>? _subscribedTopics;
    private long _stateTimestampMs = -1;
    private bool _isRecorded;

    /// <summary>The group's id.</summary>
    public string Id => id;

    /// <summary>The state.</summary>
    public GroupState State { get; private set; } = GroupState.Empty;

    /// <summary>Grows by one with each end of a join phase.</summary>
    public int Generation { get; private set; }

    /// <summary>The protocol type; null when there never was a member.</summary>
    public string? ProtocolType => _protocolType;

    /// <summary>The members.</summary>
    public IReadOnlyCollection<GroupMember> Members => _members.Values;

    /// <summary>The committed offsets.</summary>
    public GroupOffsets Offsets => _offsets;

    /// <summary>There is something to show: members, offsets, or a record that there were some.</summary>
    public bool Exists => State != GroupState.Dead &&
        (_members.Count > 0 || _offsets.Count > 0 || _isRecorded || _consumers is not null);

    /// <summary>Nobody is waiting or about to come, and nothing is known: the group can be forgotten.</summary>
    public bool IsIdle => !Exists && _pending.Count == 0;

    private bool IsRebalanceable =>
        State is GroupState.Empty or GroupState.CompletingRebalance or GroupState.Stable;

    /// <summary>What the events so far led to; the caller's from now on.</summary>
    public GroupEffects TakeEffects()
    {
        GroupEffects effects = _effects;
        _effects = new GroupEffects();
        return effects;
    }

    /// <summary>
    /// Takes over what the log says. Members are given a whole session to be heard of; what they waited for when the
    /// coordinator went away they will ask for again.
    /// </summary>
    public void Load(GroupImage image, GroupTime now)
    {
        foreach (StoredOffset offset in image.Offsets.All)
        {
            _offsets.Set(offset);
        }

        if (image.IsConsumerGroup)
        {
            _consumers = NewMembership();
            _consumers.Load(image.Consumer, now);
            return;
        }

        if (image.State is not { } state)
        {
            return;
        }

        _isRecorded = true;
        _protocolType = state.ProtocolType.Length == 0 ? null : state.ProtocolType;
        _protocol = state.Protocol;
        _leader = state.Leader;
        Generation = state.Generation;
        _stateTimestampMs = state.CurrentStateTimestamp;
        foreach (GroupMetadataValue.MemberMetadata stored in state.Members)
        {
            GroupMember member = MemberOf(stored);
            _members[member.Id] = member;
            if (member.InstanceId is { } instance)
            {
                _staticMembers[instance] = member.Id;
            }

            RestartSession(member, now);
        }

        State = _members.Count > 0 ? GroupState.Stable : GroupState.Empty;
        _subscribedTopics = GroupProtocols.SubscribedTopics(_protocolType, _protocol, _members.Values);
        if (_members.Count > settings().SizeMax)
        {
            // Somebody has to go: those that join again last.
            Prepare(now);
        }
    }

    private GroupMember MemberOf(GroupMetadataValue.MemberMetadata stored) => new()
    {
        Id = stored.MemberId,
        InstanceId = stored.GroupInstanceId,
        ClientId = stored.ClientId,
        ClientHost = stored.ClientHost,
        SessionTimeoutMs = stored.SessionTimeout,
        RebalanceTimeoutMs = stored.RebalanceTimeout < 0 ? stored.SessionTimeout : stored.RebalanceTimeout,
        Protocols = [new GroupProtocol { Name = _protocol ?? "", Metadata = stored.Subscription }],
        Assignment = stored.Assignment,
    };

    private void Become(GroupState state, GroupTime now)
    {
        State = state;
        _stateTimestampMs = now.UnixMs;
    }

    /// <summary>Writes the group as it is: stable, or empty.</summary>
    private void Record()
    {
        _isRecorded = true;
        var value = new GroupMetadataValue
        {
            ProtocolType = _protocolType ?? "",
            Generation = Generation,
            Protocol = _protocol,
            Leader = _leader,
            CurrentStateTimestamp = _stateTimestampMs,
        };
        value.Members.AddRange(_members.Values.Select(member => new GroupMetadataValue.MemberMetadata
        {
            MemberId = member.Id,
            GroupInstanceId = member.InstanceId,
            ClientId = member.ClientId,
            ClientHost = member.ClientHost,
            RebalanceTimeout = member.RebalanceTimeoutMs,
            SessionTimeout = member.SessionTimeoutMs,
            Subscription = member.MetadataOf(_protocol),
            Assignment = member.Assignment,
        }));
        _effects.Records.Add(GroupRecords.State(id, value));
    }

    /// <summary>
    /// Who a request comes from. UNKNOWN_MEMBER_ID for a stranger; FENCED_INSTANCE_ID for a static member whose
    /// instance has come back under another id (KIP-345).
    /// </summary>
    private ErrorCode Find(GroupIdentity identity, out GroupMember member)
    {
        member = null!;
        if (identity.InstanceId is { } instance)
        {
            if (!_staticMembers.TryGetValue(instance, out string? current))
            {
                return ErrorCode.UnknownMemberId;
            }

            if (current != identity.MemberId)
            {
                return ErrorCode.FencedInstanceId;
            }
        }

        return _members.TryGetValue(identity.MemberId, out member!) ? ErrorCode.None : ErrorCode.UnknownMemberId;
    }

    private void RestartSession(GroupMember member, GroupTime now)
    {
        member.SessionDeadline = now.ElapsedMs + member.SessionTimeoutMs;
        WakeBy(member.SessionDeadline);
    }
}
