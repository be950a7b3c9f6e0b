namespace Orleans.Kafka.Interop.Tests.Groups;

/// <summary>What members of a group keep, and what they find again.</summary>
[Collection(GroupBroker.Collection)]
public sealed class GroupMembershipTests(GroupBroker fixture)
{
    private string Bootstrap => fixture.Broker.Bootstrap;

    [ClientFact(Client.ConfluentPython)]
    public async Task StaticMember_Restarted_DisturbsNobodyAndHasItsPartitionsAgain()
    {
        var group = new GroupUnderTest(Bootstrap, "static", "static") { SessionTimeout = TimeSpan.FromSeconds(10) };
        await group.CreateTopicAsync();
        using GroupMember first = GroupMember.Start(Client.ConfluentPython, group, "one");
        using GroupMember second = GroupMember.Start(Client.ConfluentPython, group, "two");
        await group.WaitUntilSharedAsync([first, second]);
        List<int> had = second.Owned;
        int assignmentsBefore = first.Ownerships.Count;

        await second.StopAsync();
        using GroupMember again = GroupMember.Start(Client.ConfluentPython, group, "two");
        await group.WaitUntilSharedAsync([first, again]);

        Assert.Equal(had, again.Owned);
        Assert.Equal(assignmentsBefore, first.Ownerships.Count);
        Assert.All(first.Ownerships.Where(each => first.Owned.Contains(each.Partition)).TakeLast(first.Owned.Count),
            each => Assert.Null(each.Until));
    }

    [ClientFact(Client.ConfluentPython)]
    public async Task CooperativeMembers_AnotherJoins_KeepWhatTheyNeedNotGiveUp()
    {
        var group = new GroupUnderTest(Bootstrap, "cooperative", "cooperative") { Strategy = GroupUnderTest.CooperativeSticky };
        await group.CreateTopicAsync();
        using GroupMember first = GroupMember.Start(Client.ConfluentPython, group);
        using GroupMember second = GroupMember.Start(Client.ConfluentPython, group);
        await group.WaitUntilSharedAsync([first, second]);
        int revokedBefore = Revoked(first, second);

        using GroupMember third = GroupMember.Start(Client.ConfluentPython, group);
        await group.WaitUntilSharedAsync([first, second, third]);

        Assert.Equal(third.Owned.Count, Revoked(first, second) - revokedBefore);
        Assert.Equal(GroupUnderTest.Partitions / 3, third.Owned.Count);
        GroupUnderTest.AssertOneOwnerAtATime([first, second, third]);
    }

    [ClientTheory(Client.ConfluentPython, Client.KafkaPython, Client.KafkaJs)]
    [InlineData(Client.ConfluentPython)]
    [InlineData(Client.KafkaPython)]
    [InlineData(Client.KafkaJs)]
    public async Task Members_AllStopped_AreFollowedByOneThatGoesOnWhereTheyWere(Client client)
    {
        var group = new GroupUnderTest(Bootstrap, $"resume-{client}", $"resume-{client}");
        await group.CreateTopicAsync();
        using NumberStream stream = NumberStream.Start(group);
        using GroupMember first = GroupMember.Start(client, group);
        await GroupUnderTest.WaitUntilAsync(() => first.Read.Count > 300, () => $"only {first.Read.Count} records came");
        await first.StopAsync();
        using GroupMember second = GroupMember.Start(client, group);
        List<(int Partition, long Offset)> acknowledged = await stream.StopAsync();
        await GroupUnderTest.WaitUntilAsync(
            () => acknowledged.ToHashSet().SetEquals(first.Read.Concat(second.Read)), () => "not everything was read");
        await second.StopAsync();

        Assert.Empty(first.Read.Intersect(second.Read));
    }

    [ClientFact(Client.Kcat)]
    public async Task Kcat_TwoMembers_ReadTheTopicTogether()
    {
        await Topics.CreateAsync(Bootstrap, "kcat-group", 4);
        using var input = new TemporaryFile();
        await File.WriteAllLinesAsync(input.FilePath, Enumerable.Range(0, 10_000).Select(number => $"{number}"));
        await ClientRun.FinishAsync(
            Client.Kcat, "-P", "-b", Bootstrap, "-t", "kcat-group", "-X", "sticky.partitioning.linger.ms=1",
            "-l", input.FilePath);
        var lines = new List<string>();
        void Hear(string line)
        {
            lock (lines)
            {
                lines.Add(line);
            }
        }

        string[] arguments =
        [
            "-b", Bootstrap, "-u", "-q", "-f", "%s\\n", "-X", "auto.offset.reset=earliest",
            "-X", "session.timeout.ms=3000", "-G", "kcat-group", "kcat-group",
        ];
        using ClientRun first = ClientRun.Start(Client.Kcat, Hear, arguments);
        using ClientRun second = ClientRun.Start(Client.Kcat, Hear, arguments);
        int Distinct()
        {
            lock (lines)
            {
                return lines.Distinct().Count();
            }
        }

        await GroupUnderTest.WaitUntilAsync(() => Distinct() == 10_000, () => $"only {Distinct()} records came");
    }

    private static int Revoked(params GroupMember[] members) =>
        members.Sum(member => member.Ownerships.Count(each => each.Until is not null));
}
