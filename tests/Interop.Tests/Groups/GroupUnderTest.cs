using System.Diagnostics;

namespace Orleans.Kafka.Interop.Tests.Groups;

/// <summary>A topic and the group that reads it.</summary>
internal sealed record GroupUnderTest(string Bootstrap, string Topic, string Id)
{
    /// <summary>How many partitions the topic has.</summary>
    public const int Partitions = 12;

    /// <summary>Members give up what they must in one rebalance, and have what is new in the next (KIP-429).</summary>
    public const string CooperativeSticky = "cooperative-sticky";

    /// <summary>The coordinator assigns (KIP-848): no strategy, but the other protocol.</summary>
    public const string ConsumerProtocol = "consumer";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The assignment strategy, by the name that clients know.</summary>
    public string Strategy { get; init; } = "range";

    /// <summary>The members' session timeout.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>What a broker must be told for session timeouts as short as these.</summary>
    public static string BrokerSetting => "group.min.session.timeout.ms=1000";

    /// <summary>Makes the topic.</summary>
    public Task CreateTopicAsync() => Topics.CreateAsync(Bootstrap, Topic, Partitions);

    /// <summary>Waits until the living members have all partitions, each at least one.</summary>
    public Task WaitUntilSharedAsync(IReadOnlyCollection<GroupMember> members) => WaitUntilAsync(
        () => members.All(member => member.Owned.Count > 0) &&
            members.SelectMany(member => member.Owned).Order().SequenceEqual(Enumerable.Range(0, Partitions)),
        () => "the partitions are not shared out: " +
            string.Join('\n', members));

    /// <summary>Waits until something is so.</summary>
    public static async Task WaitUntilAsync(Func<bool> condition, Func<string> complaint)
    {
        long started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience, complaint());
            await Task.Delay(20);
        }
    }

    /// <summary>Fails if two members had a partition at the same time.</summary>
    public static void AssertOneOwnerAtATime(IEnumerable<GroupMember> members)
    {
        foreach ((Ownership before, Ownership after) in Neighbours(members))
        {
            Assert.True(
                before.Until is { } until && until <= after.From,
                $"partition {after.Partition} was given away at {after.From:O} and given up at {before.Until:O}");
        }
    }

    private static IEnumerable<(Ownership Before, Ownership After)> Neighbours(IEnumerable<GroupMember> members) =>
        from ownership in members.SelectMany(member => member.Ownerships)
        group ownership by ownership.Partition into owners
        let inOrder = owners.OrderBy(each => each.From).ToList()
        from pair in inOrder.Zip(inOrder.Skip(1))
        select (pair.First, pair.Second);
}
