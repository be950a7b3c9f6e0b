using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>Static membership (KIP-345, KIP-814).</summary>
public sealed class ClassicStaticMemberTests
{
    [Fact]
    public void StaticMember_Returning_TakesItsPlaceWithoutARebalance()
    {
        (ClassicScene scene, _, string former) = Stable();

        GroupJoinReply reply = scene.Joined(ClassicScene.Joining("", "two"));

        Assert.NotEqual(former, reply.MemberId);
        Assert.Equal((2, GroupState.Stable), (reply.Generation, scene.Group.State));
        Assert.Equal([2], scene.SyncReply(scene.Sync(reply.MemberId, 2, "two"))!.Assignment);
    }

    [Fact]
    public void FormerSelf_OfAStaticMember_IsFencedEverywhere()
    {
        (ClassicScene scene, _, string former) = Stable();
        scene.Joined(ClassicScene.Joining("", "two"));

        Assert.Equal(ErrorCode.FencedInstanceId, scene.Heartbeat(former, 2, "two"));
        Assert.Equal(ErrorCode.FencedInstanceId, scene.Commit(former, 2, instance: "two"));
        Assert.Equal((short)ErrorCode.FencedInstanceId, scene.SyncReply(scene.Sync(former, 2, "two"))!.Error);
        Assert.Equal((short)ErrorCode.FencedInstanceId, scene.Joined(ClassicScene.Joining(former, "two")).Error);
        Assert.Equal(ErrorCode.FencedInstanceId, scene.Leave(former, "two"));
        Assert.Equal(-1, scene.Offset());
    }

    [Fact]
    public void ReturningLeader_ThatCanSkipTheAssignment_IsToldSo()
    {
        (ClassicScene scene, string former, _) = Stable();

        GroupJoinReply reply = scene.Joined(ClassicScene.Joining("", "one") with { CanSkipAssignment = true });

        Assert.NotEqual(former, reply.MemberId);
        Assert.True(reply.SkipAssignment);
        Assert.Equal((reply.MemberId, 2), (reply.Leader, reply.Members.Length));
    }

    [Fact]
    public void ReturningLeader_ThatCannotSkipTheAssignment_IsNotToldThatItLeads()
    {
        (ClassicScene scene, string former, _) = Stable();

        GroupJoinReply reply = scene.Joined(ClassicScene.Joining("", "one"));

        Assert.Equal((former, 0, false), (reply.Leader, reply.Members.Length, reply.SkipAssignment));
    }

    [Fact]
    public void StaticMember_ReturningWhileTheRebalanceCompletes_StartsAnother()
    {
        (ClassicScene scene, string leader, _) = Stable();
        scene.Join(ClassicScene.Joining(leader, "one"));
        scene.Join(ClassicScene.Joining("", "two"));
        Assert.Equal(GroupState.CompletingRebalance, scene.Group.State);

        scene.Join(ClassicScene.Joining("", "two"));

        Assert.Equal(GroupState.PreparingRebalance, scene.Group.State);
    }

    [Fact]
    public void StaticMember_ReturningWithMoreTopics_StartsARebalance()
    {
        (ClassicScene scene, _, _) = Stable();

        scene.Join(ClassicScene.Joining("", "two") with { Protocols = [ClassicScene.Protocol("range", "t", "u")] });

        Assert.Equal(GroupState.PreparingRebalance, scene.Group.State);
    }

    [Fact]
    public void StaticMember_ThatDoesNotRejoin_KeepsItsPlaceUntilItsSessionEnds()
    {
        (ClassicScene scene, string leader, string other) = Stable(sessionMs: 600_000);
        long rejoin = scene.Join(ClassicScene.Joining(leader, "one") with { SessionTimeoutMs = 600_000 });

        scene.Pass(ClassicScene.RebalanceMs);

        Assert.Equal(2, scene.JoinReply(rejoin)!.Members.Length);
        Assert.Contains(scene.Group.Members, member => member.Id == other);
    }

    [Fact]
    public void ParkedJoin_OfAReplacedStaticMember_IsFenced()
    {
        (ClassicScene scene, _, string other) = Stable();
        scene.Join(ClassicScene.Joining(""));
        long parked = scene.Join(ClassicScene.Joining(other, "two"));
        Assert.Null(scene.JoinReply(parked));

        scene.Join(ClassicScene.Joining("", "two"));

        Assert.Equal((short)ErrorCode.FencedInstanceId, scene.JoinReply(parked)!.Error);
    }

    [Fact]
    public void Leave_ByInstanceAlone_RemovesTheMember()
    {
        (ClassicScene scene, _, string other) = Stable();

        Assert.Equal(ErrorCode.None, scene.Leave("", "two"));
        Assert.DoesNotContain(scene.Group.Members, member => member.Id == other);
        Assert.Equal(ErrorCode.UnknownMemberId, scene.Leave("", "two"));
    }

    [Fact]
    public void StaticMember_AfterTheCoordinatorMoved_IsKnownByItsInstance()
    {
        (ClassicScene scene, _, string former) = Stable();
        string now = scene.Joined(ClassicScene.Joining("", "two")).MemberId;
        scene.Reload();

        Assert.Equal(ErrorCode.FencedInstanceId, scene.Heartbeat(former, 2, "two"));
        Assert.Equal(ErrorCode.None, scene.Heartbeat(now, 2, "two"));
    }

    private static (ClassicScene Scene, string One, string Two) Stable(int sessionMs = ClassicScene.SessionMs)
    {
        var scene = new ClassicScene();
        string one = scene.Joined(ClassicScene.Joining("", "one") with { SessionTimeoutMs = sessionMs }).MemberId;
        long join = scene.Join(ClassicScene.Joining("", "two") with { SessionTimeoutMs = sessionMs });
        scene.Joined(ClassicScene.Joining(one, "one") with { SessionTimeoutMs = sessionMs });
        string two = scene.JoinReply(join)!.MemberId;
        scene.Sync(two, 2, "two");
        scene.Sync(one, 2, "one", assignments: [(one, 1), (two, 2)]);
        Assert.Equal(GroupState.Stable, scene.Group.State);
        return (scene, one, two);
    }
}
