using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>Static members of the consumer protocol.</summary>
public sealed class StaticMemberTests
{
    private static readonly string[] All = ["t/0", "t/1", "t/2", "t/3"];

    [Fact]
    public void Join_InstanceIsAlive_IsRefused()
    {
        var scene = new ConsumerScene(("t", 4));
        Join(scene, "s1");

        Assert.Equal(ErrorCode.UnreleasedInstanceId, (ErrorCode)Join(scene, "s2").Error);
    }

    [Fact]
    public void Join_InstanceIsAway_TakesItsPlaceWithoutARebalance()
    {
        var scene = new ConsumerScene(("t", 4));
        Join(scene, "s1");
        int epoch = scene.Describe().GroupEpoch;
        Assert.Equal(-2, scene.Leave("s1", -2, "i").MemberEpoch);

        ConsumerHeartbeatReply reply = Join(scene, "s2");

        Assert.Equal((0, epoch), (reply.Error, reply.MemberEpoch));
        Assert.Equal(All, Member.Names(reply.Assignment!));
        Assert.Equal(epoch, scene.Describe().GroupEpoch);
        Assert.Equal("s2", Assert.Single(scene.Describe().Members).Member.MemberId);
        ConsumerHeartbeat former = ConsumerScene.Beating("s1", 1) with { InstanceId = "i" };
        Assert.Equal(ErrorCode.FencedInstanceId, (ErrorCode)scene.Send(former).Error);
        ConsumerHeartbeat stranger = ConsumerScene.Beating("s3", 1) with { InstanceId = "j" };
        Assert.Equal(ErrorCode.UnknownMemberId, (ErrorCode)scene.Send(stranger).Error);
    }

    [Fact]
    public void Away_ItsPartitions_AreKeptUntilTheSessionEnds()
    {
        var scene = new ConsumerScene(("t", 4));
        Join(scene, "s1");
        Member b = scene.Joined("b", "t");
        scene.Leave("s1", -2, "i");
        for (int beats = 0; beats < 8; beats++)
        {
            scene.Advance(5000);
            Assert.Empty(b.Beat().Owned);
        }

        scene.Advance(5000);
        b.Beat();

        Assert.Equal(All, b.Owned);
    }

    [Fact]
    public void Leave_ForGood_FreesTheInstance()
    {
        var scene = new ConsumerScene(("t", 4));
        Join(scene, "s1");
        scene.Leave("s1", -1, "i");

        Assert.Equal(ErrorCode.None, (ErrorCode)Join(scene, "s2").Error);
    }

    [Fact]
    public void Join_SameMemberAgain_IsTaken()
    {
        var scene = new ConsumerScene(("t", 4));
        Join(scene, "s1");

        Assert.Equal(ErrorCode.None, (ErrorCode)Join(scene, "s1").Error);
    }

    [Fact]
    public void Away_CoordinatorRestarts_IsStillAway()
    {
        var scene = new ConsumerScene(("t", 4));
        Join(scene, "s1");
        scene.Leave("s1", -2, "i");

        scene.Restart();

        Assert.Equal(All, Member.Names(Join(scene, "s2").Assignment!));
    }

    private static ConsumerHeartbeatReply Join(ConsumerScene scene, string memberId) =>
        scene.Send(ConsumerScene.Joining(memberId) with { Topics = ["t"], InstanceId = "i" });
}
