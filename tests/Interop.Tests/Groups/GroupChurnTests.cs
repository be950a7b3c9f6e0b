using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace Orleans.Kafka.Interop.Tests.Groups;

/// <summary>
/// Members of a group come, leave, are killed (SIGKILL) and come again while records arrive.
/// ORLEANS_KAFKA_CHURN_SECONDS says for how long.
/// </summary>
[Collection(GroupBroker.Collection)]
public sealed class GroupChurnTests(GroupBroker fixture, ITestOutputHelper output)
{
    private const int MembersMax = 10;

    private static readonly TimeSpan Length = TimeSpan.FromSeconds(int.Parse(
        Environment.GetEnvironmentVariable("ORLEANS_KAFKA_CHURN_SECONDS") ?? "12", CultureInfo.InvariantCulture));

    [ClientFact(Client.ConfluentPython)]
    public Task Librdkafka_MembersComeAndGo_ReadEverythingOneOwnerAtATime() =>
        ChurnAsync("range", Client.ConfluentPython);

    [ClientFact(Client.ConfluentPython)]
    public Task LibrdkafkaCooperative_MembersComeAndGo_ReadEverythingOneOwnerAtATime() =>
        ChurnAsync(GroupUnderTest.CooperativeSticky, Client.ConfluentPython);

    [ClientFact(Client.ConfluentPython, Client.KafkaPython)]
    public Task LibrdkafkaAndKafkaPython_MembersComeAndGo_ReadEverythingOneOwnerAtATime() =>
        ChurnAsync("roundrobin", Client.ConfluentPython, Client.KafkaPython);

    [ClientFact(Client.ConfluentPython, Client.KafkaJs)]
    public Task KafkaJs_MembersComeAndGo_ReadEverythingOneOwnerAtATime() => ChurnAsync("own", Client.KafkaJs);

    [ClientFact(Client.ConfluentPython, Client.NodeRdkafka)]
    public Task NodeRdkafkaOfTheConsumerProtocol_MembersComeAndGo_ReadEverythingOneOwnerAtATime() =>
        ChurnAsync(GroupUnderTest.ConsumerProtocol, Client.NodeRdkafka);

    [ClientFact(Client.ConfluentPython, Client.NodeRdkafka, Client.Platformatic)]
    public Task ClientsOfTheConsumerProtocol_MembersComeAndGo_ReadEverythingOneOwnerAtATime() =>
        ChurnAsync(GroupUnderTest.ConsumerProtocol, Client.NodeRdkafka, Client.Platformatic);

    /// <summary>Members of both protocols: the group changes over and back with who is there.</summary>
    [ClientTheory(Client.ConfluentPython, Client.NodeRdkafka, Client.Platformatic)]
    [InlineData("range")]
    [InlineData(GroupUnderTest.CooperativeSticky)]
    public Task ClientsOfBothProtocols_MembersComeAndGo_ReadEverythingOneOwnerAtATime(string classic) => ChurnAsync(
        $"both-{classic}",
        (Client.ConfluentPython, classic),
        (Client.NodeRdkafka, GroupUnderTest.ConsumerProtocol),
        (Client.ConfluentPython, classic),
        (Client.Platformatic, GroupUnderTest.ConsumerProtocol));

    private Task ChurnAsync(string strategy, params Client[] clients) => ChurnAsync(
        $"{strategy}-{string.Join('-', clients)}", Array.ConvertAll(clients, client => (client, strategy)));

    private async Task ChurnAsync(string name, params (Client Client, string Strategy)[] clients)
    {
        name = $"churn-{name}";
        var group = new GroupUnderTest(fixture.Broker.Bootstrap, name, name);
        await group.CreateTopicAsync();
        using NumberStream stream = NumberStream.Start(group);
        var all = new List<GroupMember>();
        try
        {
            var recoveries = new List<TimeSpan>();
            List<GroupMember> living = await ChurnAsync(group, clients, all, recoveries);
            await group.WaitUntilSharedAsync(living);
            List<(int Partition, long Offset)> acknowledged = await stream.StopAsync();
            await WaitUntilReadAsync(all, living, acknowledged);
            await Task.WhenAll(living.Select(member => member.StopAsync()));

            GroupUnderTest.AssertOneOwnerAtATime(all);
            if (!Array.Exists(clients, each => each.Client == Client.Platformatic))
            {
                // That one is not asked to commit before it gives something up.
                await AssertAllCommittedAsync(group, acknowledged);
            }

            output.WriteLine(
                $"{all.Count} members, {acknowledged.Count} records, delivered {all.Sum(member => member.Read.Count)} times, " +
                $"sessions of {group.SessionTimeout}, deaths dealt with after at most {recoveries.Max()}");
        }
        finally
        {
            all.ForEach(member => member.Dispose());
        }
    }

    /// <summary>Lets members come, leave and die.</summary>
    private static async Task<List<GroupMember>> ChurnAsync(
        GroupUnderTest group,
        (Client Client, string Strategy)[] clients,
        List<GroupMember> all,
        List<TimeSpan> recoveries)
    {
        var random = new Random(20261121);
        var living = new List<GroupMember>();
        GroupMember Start()
        {
            (Client client, string strategy) = clients[all.Count % clients.Length];
            GroupMember member = GroupMember.Start(client, group with { Strategy = strategy });
            all.Add(member);
            living.Add(member);
            return member;
        }

        GroupMember Take()
        {
            GroupMember member = living[random.Next(living.Count)];
            living.Remove(member);
            return member;
        }

        for (var count = 0; count < 3; count++)
        {
            Start();
        }

        await group.WaitUntilSharedAsync(living);
        long begun = Stopwatch.GetTimestamp();
        TimeSpan nextDeath = TimeSpan.FromSeconds(2);
        while (Stopwatch.GetElapsedTime(begun) is var elapsed && elapsed < Length)
        {
            if (elapsed > nextDeath && living.Count > 2)
            {
                await group.WaitUntilSharedAsync(living);
                await Take().KillAsync();
                recoveries.Add(await TimeRecoveryAsync(group, living));
                nextDeath = Stopwatch.GetElapsedTime(begun) + TimeSpan.FromSeconds(3);
            }
            else if (living.Count < 3 || (living.Count < MembersMax && random.Next(5) < 3))
            {
                Start();
            }
            else
            {
                await Take().StopAsync();
            }

            await Task.Delay(random.Next(300, 1500));
        }

        return living;
    }

    /// <summary>
    /// How long a member's death goes unnoticed, and the rebalance takes. What is asserted is far from what is reached:
    /// a busy machine is no fault of the group.
    /// </summary>
    private static async Task<TimeSpan> TimeRecoveryAsync(GroupUnderTest group, List<GroupMember> living)
    {
        long died = Stopwatch.GetTimestamp();
        await group.WaitUntilSharedAsync(living);
        TimeSpan took = Stopwatch.GetElapsedTime(died);
        Assert.True(took < 3 * group.SessionTimeout, $"a member's death was dealt with only after {took}");
        return took;
    }

    private static Task WaitUntilReadAsync(
        List<GroupMember> all, List<GroupMember> living, List<(int Partition, long Offset)> acknowledged) =>
        GroupUnderTest.WaitUntilAsync(
            () => acknowledged.ToHashSet().IsSubsetOf(all.SelectMany(member => member.Read)),
            () =>
            {
                List<(int, long)> missing = [.. acknowledged.Except(all.SelectMany(member => member.Read))];
                return $"{missing.Count} of {acknowledged.Count} records were not delivered: " +
                    $"{string.Join(' ', missing.Take(10))}\n{string.Join('\n', living)}";
            });

    /// <summary>Who left in order has committed what it read: nothing comes again.</summary>
    private static async Task AssertAllCommittedAsync(GroupUnderTest group, List<(int Partition, long Offset)> acknowledged)
    {
        string answer = await ClientRun.FinishAsync(
            Client.ConfluentPython, "committed", group.Bootstrap, group.Topic, group.Id, $"{GroupUnderTest.Partitions}");
        IEnumerable<long> ends = acknowledged.GroupBy(each => each.Partition).OrderBy(each => each.Key)
            .Select(each => each.Max(record => record.Offset) + 1);
        Assert.Equal(string.Join(' ', ends), answer.Split('\n')[0]);
    }
}
