using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>What the next coordinator makes of the log.</summary>
public sealed class ReloadTests
{
    [Fact]
    public void Restart_StableGroup_GoesOnWithoutARebalance()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);
        a.Beat().Beat();
        b.Beat();
        ConsumerGroupDescription before = scene.Describe();
        string[] owned = a.Owned;

        scene.Restart();

        AssertSame(before, scene.Describe());
        Assert.Equal(owned, a.Beat().Owned);
        Assert.Equal(3, a.Epoch);
        Assert.Equal(ErrorCode.None, scene.Commit("b", 3, "t", int.Parse(b.Owned[0][2..], null)));
    }

    [Fact]
    public void Restart_InTheMiddleOfARevocation_TheMemberStillHasToLetGo()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);
        a.Beat();
        ConsumerGroupDescription before = scene.Describe();

        scene.Restart();

        AssertSame(before, scene.Describe());
        Assert.Empty(b.Beat().Owned);
        a.Beat();
        Assert.Equal(2, b.Beat().Owned.Length);
    }

    [Fact]
    public void Restart_RevocationNeverReported_IsFencedInTime()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");
        scene.Joined("b", "t");
        scene.Advance(1000);
        a.Beat();

        scene.Restart();
        scene.Advance(30_000);

        Assert.Equal(ErrorCode.UnknownMemberId, (ErrorCode)scene.Send(ConsumerScene.Beating("a", 2)).Error);
    }

    [Fact]
    public void Restart_Members_AreGivenAWholeSession()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");
        scene.Advance(44_000);

        scene.Restart();
        scene.Advance(44_999);
        Assert.Single(scene.Describe().Members);
        scene.Advance(1);

        Assert.Empty(scene.Describe().Members);
    }

    [Fact]
    public void Restart_TopicGrewMeanwhile_IsNoticed()
    {
        var scene = new ConsumerScene(("t", 1));
        Member a = scene.Joined("a", "t");

        scene.SetTopic("t", 2);
        scene.Restart();

        Assert.Equal(["t/0", "t/1"], a.Beat().Owned);
    }

    [Fact]
    public void Restart_NothingChanged_OpensNoEpoch()
    {
        var scene = new ConsumerScene(("t", 1));
        Member a = scene.Joined("a", "t");

        scene.Restart();
        a.Beat();

        Assert.Equal(2, scene.Describe().GroupEpoch);
    }

    [Fact]
    public void Restart_ListingFromTheLog_IsTheGroupsOwn()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");
        Assert.Equal(scene.Group.StateName, scene.ReadLog().Consumer.State.ToString());
        scene.Join("b", "t");
        Assert.Equal(scene.Group.StateName, scene.ReadLog().Consumer.State.ToString());
        scene.Leave("a");
        scene.Leave("b");
        Assert.Equal("Empty", scene.ReadLog().Consumer.State.ToString());
    }

    private static void AssertSame(ConsumerGroupDescription expected, ConsumerGroupDescription actual)
    {
        Assert.Equal(
            (expected.State, expected.GroupEpoch, expected.AssignmentEpoch, expected.AssignorName),
            (actual.State, actual.GroupEpoch, actual.AssignmentEpoch, actual.AssignorName));
        Assert.Equal(expected.Members.Length, actual.Members.Length);
        foreach ((ConsumerMemberDescription was, ConsumerMemberDescription member) in expected.Members
            .OrderBy(member => member.Member.MemberId).Zip(actual.Members.OrderBy(member => member.Member.MemberId)))
        {
            Assert.Equal((was.Member, was.MemberEpoch, was.Pattern), (member.Member, member.MemberEpoch, member.Pattern));
            Assert.Equal(was.Topics, member.Topics);
            Assert.Equal(Member.Names(was.Assignment), Member.Names(member.Assignment));
            Assert.Equal(Member.Names(was.TargetAssignment), Member.Names(member.TargetAssignment));
        }
    }
}
