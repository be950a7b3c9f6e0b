using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>The members of a consumer group as its records have them.</summary>
internal sealed class ConsumerImage
{
    /// <summary>The group epoch; null when it was never written or is gone.</summary>
    public ConsumerGroupMetadataValue? Metadata { get; private set; }

    /// <summary>When the group epoch was written: the last time that members or their wishes were others; -1 when unknown.</summary>
    public long MetadataTimestampMs { get; private set; } = -1;

    /// <summary>The epoch of the target assignment; null when there is none.</summary>
    public ConsumerGroupTargetAssignmentMetadataValue? Target { get; private set; }

    /// <summary>Who they are and what they wish, by member id.</summary>
    public Dictionary<string, ConsumerGroupMemberMetadataValue> Members { get; } = new(StringComparer.Ordinal);

    /// <summary>What they are to have, by member id.</summary>
    public Dictionary<string, ConsumerGroupTargetAssignmentMemberValue> Targets { get; } = new(StringComparer.Ordinal);

    /// <summary>What they have, by member id.</summary>
    public Dictionary<string, ConsumerGroupCurrentMemberAssignmentValue> Currents { get; } = new(StringComparer.Ordinal);

    /// <summary>What patterns were found to match.</summary>
    public Dictionary<string, ConsumerGroupRegularExpressionValue> Patterns { get; } = new(StringComparer.Ordinal);

    /// <summary>There is a record that Kafka wrote before 4.1; it goes when the group goes.</summary>
    public bool HasPartitionMetadata { get; private set; }

    /// <summary>Nothing is left of it.</summary>
    public bool IsEmpty => Metadata is null && Members.Count == 0;

    /// <summary>Takes one record in.</summary>
    public void Apply(short type, GroupRecord record)
    {
        switch (type)
        {
            case ConsumerGroupMetadataKey.RecordType:
                Metadata = GroupRecords.ReadValue<ConsumerGroupMetadataValue>(record.Value);
                MetadataTimestampMs = record.TimestampMs;
                break;
            case ConsumerGroupPartitionMetadataKey.RecordType:
                HasPartitionMetadata = record.Value is not null;
                break;
            case ConsumerGroupTargetAssignmentMetadataKey.RecordType:
                Target = GroupRecords.ReadValue<ConsumerGroupTargetAssignmentMetadataValue>(record.Value);
                break;
            case ConsumerGroupMemberMetadataKey.RecordType:
                Apply(Members, GroupRecords.ReadKey<ConsumerGroupMemberMetadataKey>(record.Key)?.MemberId, record);
                break;
            case ConsumerGroupTargetAssignmentMemberKey.RecordType:
                Apply(Targets, GroupRecords.ReadKey<ConsumerGroupTargetAssignmentMemberKey>(record.Key)?.MemberId, record);
                break;
            case ConsumerGroupCurrentMemberAssignmentKey.RecordType:
                Apply(Currents, GroupRecords.ReadKey<ConsumerGroupCurrentMemberAssignmentKey>(record.Key)?.MemberId, record);
                break;
            case ConsumerGroupRegularExpressionKey.RecordType:
                string? pattern = GroupRecords.ReadKey<ConsumerGroupRegularExpressionKey>(record.Key)?.RegularExpression;
                Apply(Patterns, pattern, record);
                break;
            default:
                break;
        }
    }

    /// <summary>The group's state, as it can be told from the records.</summary>
    public ConsumerGroupState State
    {
        get
        {
            if (Members.Count == 0)
            {
                return ConsumerGroupState.Empty;
            }

            int epoch = Target?.AssignmentEpoch ?? 0;
            if (Metadata?.Epoch > epoch)
            {
                return ConsumerGroupState.Assigning;
            }

            return Members.Keys.All(id =>
                Currents.TryGetValue(id, out ConsumerGroupCurrentMemberAssignmentValue? current) &&
                current.State == (sbyte)ConsumerMemberState.Stable && current.MemberEpoch == epoch)
                ? ConsumerGroupState.Stable
                : ConsumerGroupState.Reconciling;
        }
    }

    private static void Apply<T>(Dictionary<string, T> into, string? key, GroupRecord record)
        where T : class, Protocol.IKafkaVersioned, new()
    {
        if (key is null)
        {
            return;
        }

        if (GroupRecords.ReadValue<T>(record.Value) is { } value)
        {
            into[key] = value;
        }
        else
        {
            into.Remove(key);
        }
    }
}
