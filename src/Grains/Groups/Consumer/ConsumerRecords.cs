using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>What <c>__consumer_offsets</c> says of a consumer group, in Kafka's own schemas.</summary>
internal static class ConsumerRecords
{
    /// <summary>True for the types of records that are about consumer groups.</summary>
    public static bool IsAbout(short type) => type is
        ConsumerGroupMetadataKey.RecordType or
        ConsumerGroupPartitionMetadataKey.RecordType or
        ConsumerGroupMemberMetadataKey.RecordType or
        ConsumerGroupTargetAssignmentMetadataKey.RecordType or
        ConsumerGroupTargetAssignmentMemberKey.RecordType or
        ConsumerGroupCurrentMemberAssignmentKey.RecordType or
        ConsumerGroupRegularExpressionKey.RecordType;

    /// <summary>The group's epoch, with a hash of what was known of its topics then.</summary>
    public static GroupRecord Epoch(string group, int epoch, long metadataHash) => GroupRecords.Of(
        ConsumerGroupMetadataKey.RecordType,
        new ConsumerGroupMetadataKey { GroupId = group },
        new ConsumerGroupMetadataValue { Epoch = epoch, MetadataHash = metadataHash });

    /// <summary>Who a member is and what it wishes.</summary>
    public static GroupRecord Member(string group, ConsumerMember member)
    {
        var value = new ConsumerGroupMemberMetadataValue
        {
            InstanceId = member.InstanceId,
            RackId = member.RackId,
            ClientId = member.ClientId,
            ClientHost = member.ClientHost,
            SubscribedTopicNames = [.. member.Topics],
            SubscribedTopicRegex = member.Pattern ?? "",
            RebalanceTimeoutMs = member.RebalanceTimeoutMs,
            ServerAssignor = member.ServerAssignor,

            // Kafka's default is not null: left as it is, it would say that the member is a classic one.
            ClassicMemberMetadata = null,
        };
        if (member.Classic is { } classic)
        {
            value.ClassicMemberMetadata = new ConsumerGroupMemberMetadataValue.ClassicMember
            {
                SessionTimeoutMs = classic.SessionTimeoutMs,
                SupportedProtocols = [.. classic.Protocols.Select(protocol =>
                    new ConsumerGroupMemberMetadataValue.ClassicProtocol
                    {
                        Name = protocol.Name,
                        Metadata = protocol.Metadata,
                    })],
            };
        }

        return GroupRecords.Of(ConsumerGroupMemberMetadataKey.RecordType, MemberKey(group, member.Id), value);
    }

    /// <summary>What a member is to have.</summary>
    public static GroupRecord Target(string group, ConsumerMember member)
    {
        var value = new ConsumerGroupTargetAssignmentMemberValue();
        foreach (GroupTopicPartitions topic in PartitionSets.ByTopic(member.Target ?? []))
        {
            value.TopicPartitions.Add(new ConsumerGroupTargetAssignmentMemberValue.TopicPartition
            {
                TopicId = topic.TopicId.ToKafkaUuid(),
                Partitions = [.. topic.Partitions],
            });
        }

        return GroupRecords.Of(ConsumerGroupTargetAssignmentMemberKey.RecordType, TargetKey(group, member.Id), value);
    }

    /// <summary>For which group epoch the targets are.</summary>
    public static GroupRecord TargetEpoch(string group, int epoch, long unixMs) => GroupRecords.Of(
        ConsumerGroupTargetAssignmentMetadataKey.RecordType,
        new ConsumerGroupTargetAssignmentMetadataKey { GroupId = group },
        new ConsumerGroupTargetAssignmentMetadataValue { AssignmentEpoch = epoch, AssignmentTimestamp = unixMs });

    /// <summary>What a member has.</summary>
    public static GroupRecord Current(string group, ConsumerMember member) => GroupRecords.Of(
        ConsumerGroupCurrentMemberAssignmentKey.RecordType,
        CurrentKey(group, member.Id),
        new ConsumerGroupCurrentMemberAssignmentValue
        {
            MemberEpoch = member.Epoch,
            PreviousMemberEpoch = member.PreviousEpoch,
            State = (sbyte)member.State,
            AssignedPartitions = Partitions(member.Assigned),
            PartitionsPendingRevocation = Partitions(member.PendingRevocation),
        });

    /// <summary>What a pattern matches.</summary>
    public static GroupRecord Pattern(string group, string pattern, IEnumerable<string> topics, long version, long unixMs) =>
        GroupRecords.Of(
            ConsumerGroupRegularExpressionKey.RecordType,
            PatternKey(group, pattern),
            new ConsumerGroupRegularExpressionValue { Topics = [.. topics], Version = version, Timestamp = unixMs });

    /// <summary>The end of a pattern.</summary>
    public static GroupRecord NoPattern(string group, string pattern) =>
        GroupRecords.End(ConsumerGroupRegularExpressionKey.RecordType, PatternKey(group, pattern));

    /// <summary>The end of a member.</summary>
    public static GroupRecord[] NoMember(string group, string memberId) =>
    [
        GroupRecords.End(ConsumerGroupCurrentMemberAssignmentKey.RecordType, CurrentKey(group, memberId)),
        GroupRecords.End(ConsumerGroupTargetAssignmentMemberKey.RecordType, TargetKey(group, memberId)),
        GroupRecords.End(ConsumerGroupMemberMetadataKey.RecordType, MemberKey(group, memberId)),
    ];

    /// <summary>The end of a group whose members and patterns are gone.</summary>
    public static IEnumerable<GroupRecord> NoGroup(string group, bool hasPartitionMetadata)
    {
        yield return GroupRecords.End(
            ConsumerGroupTargetAssignmentMetadataKey.RecordType,
            new ConsumerGroupTargetAssignmentMetadataKey { GroupId = group });
        if (hasPartitionMetadata)
        {
            yield return GroupRecords.End(
                ConsumerGroupPartitionMetadataKey.RecordType, new ConsumerGroupPartitionMetadataKey { GroupId = group });
        }

        yield return GroupRecords.End(
            ConsumerGroupMetadataKey.RecordType, new ConsumerGroupMetadataKey { GroupId = group });
    }

    private static List<ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions> Partitions(
        Dictionary<TopicIdPartition, int> partitions) =>
        [.. PartitionSets.ByTopic(partitions.Keys).Select(topic =>
            new ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions
            {
                TopicId = topic.TopicId.ToKafkaUuid(),
                Partitions = [.. topic.Partitions],
                AssignmentEpochs =
                    [.. topic.Partitions.Select(each => partitions[new TopicIdPartition(topic.TopicId, each)])],
            })];

    private static ConsumerGroupMemberMetadataKey MemberKey(string group, string memberId) =>
        new() { GroupId = group, MemberId = memberId };

    private static ConsumerGroupTargetAssignmentMemberKey TargetKey(string group, string memberId) =>
        new() { GroupId = group, MemberId = memberId };

    private static ConsumerGroupCurrentMemberAssignmentKey CurrentKey(string group, string memberId) =>
        new() { GroupId = group, MemberId = memberId };

    private static ConsumerGroupRegularExpressionKey PatternKey(string group, string pattern) =>
        new() { GroupId = group, RegularExpression = pattern };
}
