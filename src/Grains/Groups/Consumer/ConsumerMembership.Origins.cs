using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <content>Members from the log, and from a group of the classic protocol.</content>
internal sealed partial class ConsumerMembership
{
    /// <summary>
    /// Takes over what the log says. Members are given a whole session to be heard of, and their whole time to give up
    /// what they were told to.
    /// </summary>
    public void Load(ConsumerImage image, GroupTime now)
    {
        GroupEpoch = Math.Max(FirstEpoch, image.Metadata?.Epoch ?? FirstEpoch);
        AssignmentEpoch = Math.Clamp(image.Target?.AssignmentEpoch ?? FirstEpoch, FirstEpoch, GroupEpoch);
        _metadataHash = image.Metadata?.MetadataHash ?? 0;
        _hasPartitionMetadata = image.HasPartitionMetadata;
        _removedAtMs = image.MetadataTimestampMs;
        foreach ((string pattern, ConsumerGroupRegularExpressionValue value) in image.Patterns)
        {
            _patterns.Load(pattern, [.. value.Topics]);
        }

        foreach ((string memberId, ConsumerGroupMemberMetadataValue value) in image.Members)
        {
            ConsumerMember member = Add(MemberOf(memberId, value));
            member.IsUnwritten = false;
            SetTopics(
                member,
                Sorted(value.SubscribedTopicNames),
                string.IsNullOrEmpty(value.SubscribedTopicRegex) ? null : value.SubscribedTopicRegex);
            if (image.Targets.TryGetValue(memberId, out ConsumerGroupTargetAssignmentMemberValue? target))
            {
                member.Target = [.. target.TopicPartitions.SelectMany(topic => topic.Partitions.Select(
                    each => new TopicIdPartition(topic.TopicId.ToGuid(), each)))];
            }

            if (image.Currents.TryGetValue(memberId, out ConsumerGroupCurrentMemberAssignmentValue? current))
            {
                Load(member, current, now);
            }

            RestartSession(member, now);
        }

        AssignLater(now);
    }

    /// <summary>
    /// Takes over the members of a classic group, each at the group's generation with what its leader gave it and what
    /// it said to have besides: a cooperative member that has not heard of its assignment yet has not let go of
    /// anything. False, with nothing done, when their words are not those of consumers.
    /// </summary>
    /// <param name="members">The members.</param>
    /// <param name="protocol">What they follow; null before their first assignment.</param>
    /// <param name="generation">The group's generation.</param>
    /// <param name="now">The time.</param>
    public bool TryTakeOver(IReadOnlyCollection<GroupMember> members, string? protocol, int generation, GroupTime now)
    {
        MetadataImage image = metadata();
        var taken = new List<Former>();
        foreach (GroupMember member in members)
        {
            if (member.Protocols.Length == 0 ||
                GroupProtocols.ReadSubscription(member.Protocols[0].Metadata) is not { } subscription ||
                ClassicBytes.ReadAssignment(member.Assignment, protocol, image) is not { } assigned)
            {
                return false;
            }

            taken.Add(new Former(
                MemberOf(member, subscription, generation),
                Sorted(subscription.Topics),
                assigned,
                ClassicBytes.Owned(subscription, image)));
        }

        GroupEpoch = AssignmentEpoch = Math.Max(FirstEpoch, generation);
        foreach (Former former in taken)
        {
            // A leader of its own mind may have given a partition to two: the second has to ask for it.
            former.Assigned.RemoveWhere(_owners.ContainsKey);
            SetPartitions(former.Member, former.Assigned.ToDictionary(each => each, _ => AssignmentEpoch), []);
        }

        foreach (Former former in taken)
        {
            ConsumerMember member = Add(former.Member);
            member.Target = former.Assigned;
            SetTopics(member, former.Topics, null);
            former.Owned.RemoveWhere(_owners.ContainsKey);
            SetPartitions(
                member, former.Assigned.Concat(former.Owned).ToDictionary(each => each, _ => AssignmentEpoch), []);
            RestartSession(member, now);
            WriteMember(member);
            write(ConsumerRecords.Target(id, member));
            WriteCurrent(member);
        }

        write(ConsumerRecords.TargetEpoch(id, AssignmentEpoch, now.UnixMs));
        write(ConsumerRecords.Epoch(id, GroupEpoch, _metadataHash));
        return true;
    }

    private static ConsumerMember MemberOf(string memberId, ConsumerGroupMemberMetadataValue value) => new()
    {
        Id = memberId,
        InstanceId = value.InstanceId,
        RackId = value.RackId,
        ClientId = value.ClientId,
        ClientHost = value.ClientHost,
        ServerAssignor = value.ServerAssignor is { Length: > 0 } assignor ? assignor : null,
        RebalanceTimeoutMs = value.RebalanceTimeoutMs,
        Classic = value.ClassicMemberMetadata is { } classic
            ? new ClassicSide(classic.SessionTimeoutMs, [.. classic.SupportedProtocols.Select(
                protocol => new GroupProtocol { Name = protocol.Name, Metadata = protocol.Metadata })])
            : null,
    };

    private static ConsumerMember MemberOf(
        GroupMember member, ConsumerProtocolSubscription subscription, int generation) => new()
        {
            Id = member.Id,
            InstanceId = member.InstanceId,
            RackId = subscription.RackId,
            ClientId = member.ClientId,
            ClientHost = member.ClientHost,
            RebalanceTimeoutMs = member.RebalanceTimeoutMs,
            Classic = new ClassicSide(member.SessionTimeoutMs, member.Protocols),
            Epoch = Math.Max(FirstEpoch, generation),
            PreviousEpoch = Math.Max(FirstEpoch, generation),
        };

    private void Load(ConsumerMember member, ConsumerGroupCurrentMemberAssignmentValue current, GroupTime now)
    {
        member.Epoch = current.MemberEpoch;
        member.PreviousEpoch = current.PreviousMemberEpoch;
        member.State = (ConsumerMemberState)current.State;
        SetPartitions(
            member,
            Load(current.AssignedPartitions, current.MemberEpoch),
            Load(current.PartitionsPendingRevocation, current.MemberEpoch));
        if (member.State == ConsumerMemberState.UnrevokedPartitions)
        {
            member.RevocationDeadline = now.ElapsedMs + member.RebalanceTimeoutMs;
            WakeBy(member.RevocationDeadline);
        }
    }

    /// <summary>Records of before Kafka 4.3 do not say since when a member has a partition: since its epoch at the latest.</summary>
    private Dictionary<TopicIdPartition, int> Load(
        List<ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions> topics, int memberEpoch)
    {
        var partitions = new Dictionary<TopicIdPartition, int>();
        foreach (ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions topic in topics)
        {
            for (int i = 0; i < topic.Partitions.Count; i++)
            {
                var partition = new TopicIdPartition(topic.TopicId.ToGuid(), topic.Partitions[i]);
                if (!_owners.ContainsKey(partition))
                {
                    partitions[partition] = topic.AssignmentEpochs is { } epochs && i < epochs.Count ? epochs[i] : memberEpoch;
                }
            }
        }

        return partitions;
    }

    /// <summary>A member of a classic group, and what it brings along.</summary>
    private sealed record Former(
        ConsumerMember Member, string[] Topics, HashSet<TopicIdPartition> Assigned, HashSet<TopicIdPartition> Owned);
}
