using System.Diagnostics;
using Orleans.Kafka.Grains.Groups.Assignors;
using Xunit.Abstractions;

namespace Orleans.Kafka.Grains.Tests.Groups;

public sealed class AssignorTests(ITestOutputHelper output)
{
    private const int Rounds = 300;

    public static TheoryData<IGroupAssignor> All =>
    [
        new RangeAssignor(), new RoundRobinAssignor(), new StickyAssignor(), new CooperativeStickyAssignor(),
        new UniformAssignor(),
    ];

    public static TheoryData<IGroupAssignor> Even =>
        [new RoundRobinAssignor(), new StickyAssignor(), new CooperativeStickyAssignor(), new UniformAssignor()];

    public static TheoryData<IGroupAssignor> Sticky =>
        [new StickyAssignor(), new CooperativeStickyAssignor(), new UniformAssignor()];

    [Theory]
    [MemberData(nameof(All))]
    public void Assign_AnyGroup_GivesEachPartitionToOneSubscriber(IGroupAssignor assignor)
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            (List<AssignorMember> members, Dictionary<string, int> topics) = RandomGroup(new Random(seed), uniform: false);

            var assignment = assignor.Assign(members, topics);

            Assert.Equal(members.Select(member => member.Id).Order(), assignment.Keys.Order());
            var all = assignment.Values.SelectMany(partitions => partitions).ToList();
            Assert.Equal(all.Count, all.Distinct().Count());
            Assert.Equal(
                topics.Where(topic => members.Exists(member => member.Topics.Contains(topic.Key))).Sum(topic => topic.Value),
                all.Count);
            Assert.All(members, member => Assert.All(assignment[member.Id], owned => Assert.Contains(owned.Topic, member.Topics)));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Assign_MembersInAnotherOrder_GivesTheSame(IGroupAssignor assignor)
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            (List<AssignorMember> members, Dictionary<string, int> topics) = RandomGroup(new Random(seed), uniform: false);
            List<AssignorMember> reversed = [.. members.AsEnumerable().Reverse()];

            AssertSame(assignor.Assign(members, topics), assignor.Assign(reversed, topics));
        }
    }

    [Theory]
    [MemberData(nameof(Even))]
    public void Assign_EqualSubscriptions_CountsDifferByOneAtMost(IGroupAssignor assignor)
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            (List<AssignorMember> members, Dictionary<string, int> topics) = RandomGroup(new Random(seed), uniform: true);

            var counts = assignor.Assign(members, topics).Values.Select(partitions => partitions.Count).ToList();

            Assert.InRange(counts.Max() - counts.Min(), 0, 1);
        }
    }

    [Fact]
    public void Range_SevenPartitionsThreeMembers_FirstGetsMore()
    {
        var members = new[] { "c", "a", "b" }.Select(id => Member(id, "t")).ToList();

        var assignment = new RangeAssignor().Assign(members, new Dictionary<string, int> { ["t"] = 7 });

        Assert.Equal([0, 1, 2], assignment["a"].Select(owned => owned.Partition));
        Assert.Equal([3, 4], assignment["b"].Select(owned => owned.Partition));
        Assert.Equal([5, 6], assignment["c"].Select(owned => owned.Partition));
    }

    [Fact]
    public void Range_TopicsOfEqualSize_AreCoPartitioned()
    {
        var topics = new Dictionary<string, int> { ["orders"] = 11, ["payments"] = 11 };
        for (int count = 1; count < 15; count++)
        {
            var members = Enumerable.Range(0, count).Select(i => Member($"m{i}", "orders", "payments")).ToList();

            foreach (List<TopicPartition> owned in new RangeAssignor().Assign(members, topics).Values)
            {
                Assert.Equal(
                    owned.Where(each => each.Topic == "orders").Select(each => each.Partition),
                    owned.Where(each => each.Topic == "payments").Select(each => each.Partition));
            }
        }
    }

    [Fact]
    public void RoundRobin_TwoTopics_DealsOnAcrossThem()
    {
        List<AssignorMember> members = [Member("a", "t", "u"), Member("b", "t", "u")];

        var assignment = new RoundRobinAssignor().Assign(members, new Dictionary<string, int> { ["t"] = 3, ["u"] = 3 });

        Assert.Equal([new("t", 0), new("t", 2), new("u", 1)], assignment["a"]);
        Assert.Equal([new("t", 1), new("u", 0), new("u", 2)], assignment["b"]);
    }

    [Theory]
    [MemberData(nameof(Sticky))]
    public void Sticky_MemberLeaves_OthersKeepWhatTheyHave(IGroupAssignor assignor)
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            (List<AssignorMember> members, Dictionary<string, int> topics) = RandomGroup(new Random(seed), uniform: true);
            var before = assignor.Assign(members, topics);
            List<AssignorMember> left = [.. Owning(members, before).Skip(1)];
            if (left.Count == 0)
            {
                continue;
            }

            var after = assignor.Assign(left, topics);

            Assert.All(left, member => Assert.Subset(after[member.Id].ToHashSet(), before[member.Id].ToHashSet()));
        }
    }

    [Fact]
    public void Sticky_MemberJoins_OnlyItsShareMoves()
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            (List<AssignorMember> members, Dictionary<string, int> topics) = RandomGroup(new Random(seed), uniform: true);
            var before = new StickyAssignor().Assign(members, topics);
            List<AssignorMember> grown = [.. Owning(members, before), members[0] with { Id = "new", InstanceId = null, Owned = [] }];

            var after = new StickyAssignor().Assign(grown, topics);

            int moved = members.Sum(member => before[member.Id].Except(after[member.Id]).Count());
            Assert.Equal(after["new"].Count, moved);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Assign_NothingChanged_NothingMoves(IGroupAssignor assignor)
    {
        for (int seed = 0; seed < Rounds; seed++)
        {
            (List<AssignorMember> members, Dictionary<string, int> topics) = RandomGroup(new Random(seed), uniform: false);
            var before = assignor.Assign(members, topics);

            AssertSame(before, assignor.Assign(Owning(members, before), topics));
        }
    }

    [Fact]
    public void Sticky_TwoClaimTheSame_NewerGenerationKeepsIt()
    {
        TopicPartition[] claim = [new("t", 0), new("t", 1)];
        List<AssignorMember> members =
        [
            Member("a", "t") with { Owned = claim, Generation = 3 },
            Member("b", "t") with { Owned = [new("t", 1)], Generation = 4 },
        ];

        var assignment = new StickyAssignor().Assign(members, new Dictionary<string, int> { ["t"] = 2 });

        Assert.Equal([new("t", 0)], assignment["a"]);
        Assert.Equal([new("t", 1)], assignment["b"]);
    }

    [Fact]
    public void Sticky_OnlyAChainOfGiftsEvensOut_FindsIt()
    {
        // c reads only z; b reads y and z; a reads x and y. a must give to b so that b can give to c.
        List<AssignorMember> members =
        [
            Member("a", "x", "y") with { Owned = [new("x", 0), new("y", 0), new("y", 1)] },
            Member("b", "y", "z") with { Owned = [new("z", 0), new("z", 1)] },
            Member("c", "z") with { Owned = [new("z", 2)] },
        ];

        var assignment = new StickyAssignor().Assign(
            members, new Dictionary<string, int> { ["x"] = 1, ["y"] = 2, ["z"] = 3 });

        Assert.All(assignment.Values, owned => Assert.Equal(2, owned.Count));
    }

    [Fact]
    public void CooperativeSticky_PartitionsChangeHands_AreGivenOnlyAfterTheirOwnersGaveThemUp()
    {
        var assignor = new CooperativeStickyAssignor();
        for (int seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            (List<AssignorMember> members, Dictionary<string, int> topics) = RandomGroup(random, uniform: false);
            var before = assignor.Assign(members, topics);
            List<AssignorMember> changed = [.. Owning(members, before).Where(_ => random.Next(4) > 0)];
            changed.Add(new AssignorMember("new", null, topics.Keys.ToHashSet()));

            // Each round's revocations make the next one's gifts possible, and there is an end to it.
            bool isDone = false;
            for (int round = 2; !isDone; round++)
            {
                var given = assignor.Assign(changed, topics);
                foreach (AssignorMember member in changed)
                {
                    var others = changed.Where(other => other != member).SelectMany(other => other.Owned);
                    Assert.Empty(given[member.Id].Intersect(others));
                }

                isDone = changed.TrueForAll(member => member.Owned.ToHashSet().SetEquals(given[member.Id]));
                changed = changed.ConvertAll(member => member with { Owned = given[member.Id], Generation = round });
                Assert.InRange(round, 2, 8);
            }

            Assert.Equal(topics.Values.Sum(), changed.Sum(member => member.Owned.Count));
        }
    }

    [Fact]
    public void Range_MembersOwnSomething_KeepItWithinTheirShareAndStayCoPartitioned()
    {
        var topics = new Dictionary<string, int> { ["orders"] = 24, ["payments"] = 24 };
        var assignor = new RangeAssignor();
        for (int count = 2; count < 12; count++)
        {
            var members = Enumerable.Range(0, count).Select(i => Member($"m{i}", "orders", "payments")).ToList();
            var before = assignor.Assign(members, topics);
            List<AssignorMember> left = [.. Owning(members, before).Skip(1)];

            var after = assignor.Assign(left, topics);

            Assert.All(left, member => Assert.Subset(after[member.Id].ToHashSet(), before[member.Id].ToHashSet()));
            Assert.All(after.Values, owned => Assert.Equal(
                owned.Where(each => each.Topic == "orders").Select(each => each.Partition),
                owned.Where(each => each.Topic == "payments").Select(each => each.Partition)));
            Assert.InRange(after.Values.Max(owned => owned.Count) - after.Values.Min(owned => owned.Count), 0, 2);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Assign_ThousandMembersTenThousandPartitions_IsComplete(IGroupAssignor assignor)
    {
        var topics = Enumerable.Range(0, 100).ToDictionary(i => $"t{i}", _ => 100);
        var members = Enumerable.Range(0, 1000).Select(i => Member($"m{i:D4}", [.. topics.Keys])).ToList();
        var before = assignor.Assign(members, topics);
        List<AssignorMember> grown = [.. Owning(members, before).Skip(10), Member("new", [.. topics.Keys])];
        long start = Stopwatch.GetTimestamp();

        var after = assignor.Assign(grown, topics);

        output.WriteLine($"{assignor.Name}: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
        int waiting = assignor is CooperativeStickyAssignor ? before.Values.Max(owned => owned.Count) : 0;
        Assert.InRange(after.Values.Sum(owned => owned.Count), 10_000 - waiting, 10_000);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Assign_ThousandMembersWithDifferentWishes_IsComplete(IGroupAssignor assignor)
    {
        var topics = Enumerable.Range(0, 100).ToDictionary(i => $"t{i}", _ => 100);
        var members = Enumerable.Range(0, 1000)
            .Select(i => Member($"m{i:D4}", [.. topics.Keys.Where((_, topic) => (i + topic) % 3 > 0)])).ToList();
        long start = Stopwatch.GetTimestamp();

        var assignment = assignor.Assign(members, topics);

        output.WriteLine($"{assignor.Name}: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
        Assert.Equal(10_000, assignment.Values.Sum(owned => owned.Count));
    }

    private static AssignorMember Member(string id, params string[] topics) => new(id, null, topics.ToHashSet());

    private static List<AssignorMember> Owning(
        List<AssignorMember> members, Dictionary<string, List<TopicPartition>> assignment) =>
        members.ConvertAll(member => member with { Owned = assignment[member.Id], Generation = 1 });

    private static (List<AssignorMember> Members, Dictionary<string, int> Topics) RandomGroup(Random random, bool uniform)
    {
        var topics = Enumerable.Range(0, random.Next(1, 6)).ToDictionary(i => $"t{i}", _ => random.Next(1, 20));
        var members = Enumerable.Range(0, random.Next(1, 9))
            .Select(i => new AssignorMember(
                $"m{random.Next(1000)}-{i}",
                random.Next(4) == 0 ? $"i{i}" : null,
                topics.Keys.Where(_ => uniform || random.Next(2) == 0).ToHashSet()))
            .ToList();
        return (members, topics);
    }

    private static void AssertSame(
        Dictionary<string, List<TopicPartition>> expected, Dictionary<string, List<TopicPartition>> actual)
    {
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        Assert.All(expected, entry => Assert.Equal(entry.Value, actual[entry.Key]));
    }
}
