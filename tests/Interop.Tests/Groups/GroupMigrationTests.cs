namespace Orleans.Kafka.Interop.Tests.Groups;

/// <summary>Clients of one protocol are exchanged for those of the other, one by one, while records arrive (KIP-848).</summary>
[Collection(GroupBroker.Collection)]
public sealed class GroupMigrationTests(GroupBroker fixture)
{
    [ClientTheory(Client.ConfluentPython, Client.NodeRdkafka, Client.Platformatic)]
    [InlineData("range", Client.NodeRdkafka)]
    [InlineData(GroupUnderTest.CooperativeSticky, Client.NodeRdkafka)]
    [InlineData(GroupUnderTest.CooperativeSticky, Client.Platformatic)]
    public async Task Members_ExchangedThereAndBack_ReadEverythingOneOwnerAtATime(string classic, Client modern)
    {
        string name = $"migration-{classic}-{modern}";
        var group = new GroupUnderTest(fixture.Broker.Bootstrap, name, name) { Strategy = classic };
        GroupUnderTest consumers = group with { Strategy = GroupUnderTest.ConsumerProtocol };
        await group.CreateTopicAsync();
        using NumberStream stream = NumberStream.Start(group);
        List<GroupMember> all = [GroupMember.Start(Client.ConfluentPython, group), GroupMember.Start(Client.ConfluentPython, group)];
        try
        {
            await group.WaitUntilSharedAsync(all);
            List<GroupMember> living = await ExchangeAsync(all, [.. all], () => GroupMember.Start(modern, consumers));
            living = await ExchangeAsync(all, living, () => GroupMember.Start(Client.ConfluentPython, group));

            List<(int Partition, long Offset)> acknowledged = await stream.StopAsync();
            await GroupUnderTest.WaitUntilAsync(
                () => acknowledged.ToHashSet().IsSubsetOf(all.SelectMany(member => member.Read)),
                () => $"{acknowledged.Except(all.SelectMany(member => member.Read)).Count()} were not delivered");
            await Task.WhenAll(living.Select(member => member.StopAsync()));
            GroupUnderTest.AssertOneOwnerAtATime(all);
        }
        finally
        {
            all.ForEach(member => member.Dispose());
        }

        async Task<List<GroupMember>> ExchangeAsync(List<GroupMember> ever, List<GroupMember> old, Func<GroupMember> start)
        {
            var living = new List<GroupMember>(old);
            foreach (GroupMember former in old)
            {
                GroupMember next = start();
                ever.Add(next);
                living.Add(next);
                await group.WaitUntilSharedAsync(living);
                await former.StopAsync();
                living.Remove(former);
                await group.WaitUntilSharedAsync(living);
            }

            return living;
        }
    }
}
