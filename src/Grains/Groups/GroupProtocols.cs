using System.Buffers.Binary;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>Which protocol a group follows, and what its members subscribe to.</summary>
internal static class GroupProtocols
{
    /// <summary>
    /// Names of members, instances and protocols have no more characters: whatever they are, they fit into the strings of
    /// records and answers, together with what is put behind them. One that did not would stop the whole group.
    /// </summary>
    public const int NameMax = 8_000;

    /// <summary>The protocol type of consumers.</summary>
    public const string Consumer = "consumer";

    /// <summary>The protocols that all members know.</summary>
    public static HashSet<string> Common(IEnumerable<GroupMember> members)
    {
        HashSet<string>? common = null;
        foreach (GroupMember member in members)
        {
            IEnumerable<string> names = member.Protocols.Select(protocol => protocol.Name);
            if (common is null)
            {
                common = new HashSet<string>(names, StringComparer.Ordinal);
            }
            else
            {
                common.IntersectWith(names);
            }
        }

        return common ?? [];
    }

    /// <summary>
    /// The vote: each member is for the first protocol on its list that all know; most votes win, among equals the one
    /// that got its first vote first. Null without members.
    /// </summary>
    public static string? Elect(IReadOnlyCollection<GroupMember> members)
    {
        HashSet<string> candidates = Common(members);
        var votes = new List<(string Name, int Count)>();
        foreach (GroupMember member in members)
        {
            if (Array.Find(member.Protocols, protocol => candidates.Contains(protocol.Name)) is not { } choice)
            {
                continue;
            }

            int at = votes.FindIndex(vote => vote.Name == choice.Name);
            if (at < 0)
            {
                votes.Add((choice.Name, 1));
            }
            else
            {
                votes[at] = (choice.Name, votes[at].Count + 1);
            }
        }

        return votes.Count == 0 ? null : votes.MaxBy(vote => vote.Count).Name;
    }

    /// <summary>
    /// The topics that consumers subscribe to; null when it cannot be said, because the group is none of consumers or
    /// a member's words are not those of a consumer.
    /// </summary>
    public static HashSet<string>? SubscribedTopics(
        string? protocolType, string? protocol, IEnumerable<GroupMember> members)
    {
        if (protocolType != Consumer || protocol is null)
        {
            return null;
        }

        var topics = new HashSet<string>(StringComparer.Ordinal);
        foreach (GroupMember member in members)
        {
            if (ReadSubscription(member.MetadataOf(protocol)) is not { } subscription)
            {
                return null;
            }

            topics.UnionWith(subscription.Topics);
        }

        return topics;
    }

    /// <summary>Reads what a consumer says of itself; newer versions than known are read as far as known.</summary>
    public static ConsumerProtocolSubscription? ReadSubscription(byte[] metadata)
    {
        if (metadata.Length < sizeof(short))
        {
            return null;
        }

        short version = Math.Min(BinaryPrimitives.ReadInt16BigEndian(metadata), ConsumerProtocolSubscription.MaxVersion);
        if (version < ConsumerProtocolSubscription.MinVersion)
        {
            return null;
        }

        var reader = new KafkaReader(metadata.AsMemory(sizeof(short)));
        var subscription = new ConsumerProtocolSubscription();
        subscription.Read(ref reader, version);
        if (!reader.Failed)
        {
            return Fits(subscription) ? subscription : null;
        }

        // Some clients announce a newer version than they write; the topics come first in all of them.
        reader = new KafkaReader(metadata.AsMemory(sizeof(short)));
        subscription = new ConsumerProtocolSubscription();
        subscription.Read(ref reader, ConsumerProtocolSubscription.MinVersion);
        return reader.Failed || !Fits(subscription) ? null : subscription;
    }

    private static bool Fits(ConsumerProtocolSubscription subscription) =>
        !(subscription.RackId?.Length > NameMax) && subscription.Topics.TrueForAll(topic => topic.Length <= NameMax);
}
