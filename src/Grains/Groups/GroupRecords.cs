using System.Buffers;
using System.Buffers.Binary;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups.Consumer;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>What <c>__consumer_offsets</c> says of a group, in Kafka's own schemas.</summary>
internal static class GroupRecords
{
    private const short GroupVersion = 3;
    private const short OffsetVersion = 4;
    private const short ExpiringOffsetVersion = 1;

    /// <summary>A committed offset.</summary>
    public static GroupRecord Offset(string group, StoredOffset stored)
    {
        // Only version 1 can say when an offset expires.
        short version = stored.ExpireTimestampMs >= 0 ? ExpiringOffsetVersion : OffsetVersion;
        GroupOffset offset = stored.Value;
        return new GroupRecord(OffsetKey(group, offset.Topic, offset.Partition), Encode(version, new OffsetCommitValue
        {
            Offset = offset.Offset,
            LeaderEpoch = offset.LeaderEpoch,
            Metadata = offset.Metadata,
            CommitTimestamp = stored.CommitTimestampMs,
            ExpireTimestamp = stored.ExpireTimestampMs,
            TopicId = offset.TopicId.ToKafkaUuid(),
        }));
    }

    /// <summary>The end of a committed offset.</summary>
    public static GroupRecord NoOffset(string group, string topic, int partition) =>
        new(OffsetKey(group, topic, partition), null);

    /// <summary>A group with its members.</summary>
    public static GroupRecord State(string group, GroupMetadataValue value) =>
        new(StateKey(group), Encode(GroupVersion, value));

    /// <summary>The end of a group.</summary>
    public static GroupRecord NoState(string group) => new(StateKey(group), null);

    /// <summary>The group that a record is about; null for records of other kinds of groups.</summary>
    public static string? GroupOf(ReadOnlySpan<byte> key, out short type)
    {
        type = -1;
        if (key.Length < sizeof(short))
        {
            return null;
        }

        type = BinaryPrimitives.ReadInt16BigEndian(key);
        if (type is not (LegacyOffsetCommitKey.RecordType or OffsetCommitKey.RecordType or GroupMetadataKey.RecordType) &&
            !ConsumerRecords.IsAbout(type))
        {
            return null;
        }

        var reader = new KafkaReader(key[sizeof(short)..].ToArray());
        string group = reader.ReadString();
        return reader.Failed ? null : group;
    }

    /// <summary>Reads the key of an offset.</summary>
    public static OffsetCommitKey? ReadOffsetKey(byte[] key) => Decode<OffsetCommitKey>(key.AsMemory(sizeof(short)), 0);

    /// <summary>Reads a committed offset; null when it is not what its version promises.</summary>
    public static OffsetCommitValue? ReadOffset(byte[] value) => Decode<OffsetCommitValue>(value);

    /// <summary>Reads a group; null when it is not what its version promises.</summary>
    public static GroupMetadataValue? ReadState(byte[] value) => Decode<GroupMetadataValue>(value);

    /// <summary>A record of the type, its value in version 0.</summary>
    public static GroupRecord Of(short type, IKafkaMessage key, IKafkaMessage value) =>
        new(Encode(type, 0, key), Encode(0, value));

    /// <summary>The end of what a record of the type said.</summary>
    public static GroupRecord End(short type, IKafkaMessage key) => new(Encode(type, 0, key), null);

    /// <summary>Reads a key, behind its type; null when it is malformed.</summary>
    public static T? ReadKey<T>(byte[] key)
        where T : class, IKafkaMessage, new() => Decode<T>(key.AsMemory(sizeof(short)), 0);

    /// <summary>Reads a value; null for a tombstone, and when it is not what its version promises.</summary>
    public static T? ReadValue<T>(byte[]? value)
        where T : class, IKafkaVersioned, new() => value is null ? null : Decode<T>(value);

    private static byte[] OffsetKey(string group, string topic, int partition) => Encode(
        OffsetCommitKey.RecordType, 0, new OffsetCommitKey { Group = group, Topic = topic, Partition = partition });

    private static byte[] StateKey(string group) =>
        Encode(GroupMetadataKey.RecordType, 0, new GroupMetadataKey { Group = group });

    private static byte[] Encode(short version, IKafkaMessage message) => Encode(version, version, message);

    private static byte[] Encode(short prefix, short version, IKafkaMessage message)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(output);
        writer.WriteInt16(prefix);
        message.Write(ref writer, version);
        writer.Complete();
        return output.WrittenSpan.ToArray();
    }

    private static T? Decode<T>(byte[] bytes)
        where T : class, IKafkaVersioned, new()
    {
        if (bytes.Length < sizeof(short))
        {
            return null;
        }

        short version = BinaryPrimitives.ReadInt16BigEndian(bytes);
        return version < T.MinVersion || version > T.MaxVersion ? null : Decode<T>(bytes.AsMemory(sizeof(short)), version);
    }

    private static T? Decode<T>(ReadOnlyMemory<byte> bytes, short version)
        where T : class, IKafkaMessage, new()
    {
        var reader = new KafkaReader(bytes);
        var message = new T();
        message.Read(ref reader, version);
        return reader.Failed ? null : message;
    }
}
