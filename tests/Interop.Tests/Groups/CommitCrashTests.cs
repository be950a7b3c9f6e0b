using System.Globalization;
using Xunit.Abstractions;

namespace Orleans.Kafka.Interop.Tests.Groups;

/// <summary>The broker is killed (SIGKILL) while members commit: what was acknowledged to them is there afterwards.</summary>
public sealed class CommitCrashTests(ITestOutputHelper output)
{
    [ClientFact(Client.ConfluentPython)]
    public async Task AcknowledgedCommits_BrokerKilledAndRestarted_AreThere()
    {
        await using BrokerProcess broker = await BrokerProcess.StartAsync(
            GroupUnderTest.BrokerSetting, "group.initial.rebalance.delay.ms=0");
        var group = new GroupUnderTest(broker.Bootstrap, "commits", "commits");
        await group.CreateTopicAsync();
        using NumberStream stream = NumberStream.Start(group);
        using GroupMember first = GroupMember.Start(Client.ConfluentPython, group);
        using GroupMember second = GroupMember.Start(Client.ConfluentPython, group);
        GroupMember[] members = [first, second];

        var before = 0L;
        for (var kill = 0; kill < 3; kill++)
        {
            long enough = before + 500;
            await GroupUnderTest.WaitUntilAsync(
                () => Sum(members) > enough, () => $"only {Sum(members)} of {enough} are committed");
            await broker.KillAsync();
            before = Sum(members);
            Dictionary<int, long>[] acknowledged = [.. members.Select(member => member.Committed)];
            await broker.StartAgainAsync();

            string answer = await ClientRun.FinishAsync(
                Client.ConfluentPython, "committed", group.Bootstrap, group.Topic, group.Id,
                $"{GroupUnderTest.Partitions}");
            long[] found =
            [
                .. answer.Split('\n')[0].Split(' ').Select(each => long.Parse(each, CultureInfo.InvariantCulture)),
            ];
            foreach ((int partition, long offset) in acknowledged.SelectMany(each => each))
            {
                Assert.True(found[partition] >= offset, $"partition {partition}: {offset} was committed, {found[partition]} is there");
            }

            output.WriteLine($"committed {acknowledged.Sum(each => each.Values.Sum())}, found {found.Sum()}");
        }

        await Task.WhenAll(members.Select(member => member.StopAsync()));
        await stream.StopAsync();
    }

    private static long Sum(GroupMember[] members) => members
        .SelectMany(member => member.Committed).GroupBy(each => each.Key).Sum(each => each.Max(offset => offset.Value));
}
