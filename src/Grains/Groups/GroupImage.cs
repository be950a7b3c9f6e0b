using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>A group as its records have it.</summary>
internal sealed class GroupImage
{
    /// <summary>The group's members and generation; null when only offsets were ever written.</summary>
    public GroupMetadataValue? State { get; set; }

    /// <summary>Its members in the consumer protocol.</summary>
    public ConsumerImage Consumer { get; } = new();

    /// <summary>
    /// It follows the consumer protocol. A group that changes over gets its epoch last when it comes and loses it last
    /// when it goes, so what else there is of the other protocol is from a change that was cut short.
    /// </summary>
    public bool IsConsumerGroup => Consumer.Metadata is not null || (State is null && !Consumer.IsEmpty);

    /// <summary>The offsets.</summary>
    public GroupOffsets Offsets { get; } = new();

    /// <summary>Nothing is left of it.</summary>
    public bool IsEmpty => State is null && Consumer.IsEmpty && Offsets.Count == 0;

    /// <summary>Takes one record in; the last one of each key counts.</summary>
    /// <param name="type">The record's type, as <see cref="GroupRecords.GroupOf"/> gives it.</param>
    /// <param name="record">The record.</param>
    public void Apply(short type, GroupRecord record)
    {
        if (type == GroupMetadataKey.RecordType)
        {
            State = record.Value is null ? null : GroupRecords.ReadState(record.Value);
        }
        else if (ConsumerRecords.IsAbout(type))
        {
            Consumer.Apply(type, record);
        }
        else if (GroupRecords.ReadOffsetKey(record.Key) is { } key)
        {
            ApplyOffset(key, record.Value is null ? null : GroupRecords.ReadOffset(record.Value));
        }
    }

    private void ApplyOffset(OffsetCommitKey key, OffsetCommitValue? value)
    {
        if (value is null)
        {
            Offsets.Remove(key.Topic, key.Partition);
            return;
        }

        var offset = new GroupOffset
        {
            Topic = key.Topic,
            Partition = key.Partition,
            TopicId = value.TopicId.ToGuid(),
            Offset = value.Offset,
            LeaderEpoch = value.LeaderEpoch,
            Metadata = value.Metadata,
        };
        Offsets.Set(new StoredOffset(offset, value.CommitTimestamp, value.ExpireTimestamp));
    }
}
