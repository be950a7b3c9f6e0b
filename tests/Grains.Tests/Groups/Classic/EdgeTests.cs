using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>What clients do not do unless they are broken, and what happens at limits.</summary>
public sealed class EdgeTests
{
    [Fact]
    public void Delete_WhileSomebodyIsAboutToJoin_LeavesNothingBehind()
    {
        var scene = new ClassicScene();
        scene.Commit("", -1);
        scene.Joined(ClassicScene.Joining("") with { RequiresMemberId = true });

        Assert.Equal(ErrorCode.None, scene.Delete());
        Assert.True(scene.Group.IsIdle);
    }

    [Fact]
    public void Expiry_WhileSomebodyIsAboutToJoin_LeavesTheGroup()
    {
        var scene = new ClassicScene();
        string first = scene.Alone();
        scene.Leave(first);
        string second = scene.Joined(ClassicScene.Joining("") with { RequiresMemberId = true }).MemberId;

        scene.ExpireOffsets();

        Assert.Equal((short)ErrorCode.None, scene.Joined(ClassicScene.Joining(second)).Error);
    }

    [Fact]
    public void Join_WithAPendingIdUnderSomebodysInstance_IsRefused()
    {
        var scene = new ClassicScene();
        string holder = scene.Joined(ClassicScene.Joining("", "instance")).MemberId;
        scene.Synced(holder, 1, (holder, 1));
        string pending = scene.Joined(ClassicScene.Joining("") with { RequiresMemberId = true }).MemberId;

        Assert.Equal((short)ErrorCode.FencedInstanceId, scene.Joined(ClassicScene.Joining(pending, "instance")).Error);
        Assert.Equal(ErrorCode.None, scene.Heartbeat(holder, 1, "instance"));
        Assert.Single(scene.Group.Members);
    }

    [Fact]
    public void Members_ThatAreGivenUp_AreReportedWithTheReason()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoStable();
        scene.Join(ClassicScene.Joining(leader));
        for (int i = 0; i < 7; i++)
        {
            scene.Heartbeat(follower, 2);
            scene.Pass(ClassicScene.SessionMs - 1);
        }

        scene.Pass(ClassicScene.RebalanceMs);
        string third = scene.Alone();
        scene.Pass(ClassicScene.SessionMs);

        Assert.Equal(
            [
                new LostMember(follower, "client", "/127.0.0.1", "it did not join again within the rebalance timeout"),
                new LostMember(leader, "client", "/127.0.0.1", "it was silent for a whole session"),
                new LostMember(third, "client", "/127.0.0.1", "it was silent for a whole session"),
            ],
            scene.Lost);
    }

    [Fact]
    public void Names_ThatFitIntoNoRecord_AreRefusedAndTheGroupGoesOn()
    {
        var scene = new ClassicScene();
        string member = scene.Alone();
        string longest = new('\uffff', 8_000);

        Assert.Equal((short)ErrorCode.InvalidRequest, scene.Joined(ClassicScene.Joining("", longest + "x")).Error);
        Assert.Equal(
            (short)ErrorCode.InconsistentGroupProtocol,
            scene.Joined(ClassicScene.Joining("") with { Protocols = [ClassicScene.Protocol(longest + "x", "t")] }).Error);
        Assert.Equal(ErrorCode.None, scene.Heartbeat(member, 1));
        scene.Leave(member);
        GroupJoinReply joined = scene.Joined(
            ClassicScene.Joining("", longest) with { Protocols = [ClassicScene.Protocol(longest, "t")] });
        scene.Synced(joined.MemberId, joined.Generation, (joined.MemberId, 1));
        scene.Reload();
        Assert.Equal(ErrorCode.None, scene.Heartbeat(joined.MemberId, joined.Generation, longest));
    }

    [Fact]
    public void PendingIds_WithoutEnd_PushOutTheOldest()
    {
        var scene = new ClassicScene();
        List<string> ids = [.. Enumerable.Range(0, 10_001).Select(
            _ => scene.Joined(ClassicScene.Joining("") with { RequiresMemberId = true }).MemberId)];

        Assert.Equal((short)ErrorCode.UnknownMemberId, scene.Joined(ClassicScene.Joining(ids[0])).Error);
        Assert.Equal(ErrorCode.None, scene.Leave(ids[1]));
        Assert.Equal(ErrorCode.None, scene.Leave(ids[^1]));
    }

    [Fact]
    public void Load_OfMoreMembersThanThereMayBe_RebalancesAndTakesThoseThatComeFirst()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoStable();
        scene.Settings = scene.Settings with { SizeMax = 1 };

        scene.Reload();

        Assert.Equal(GroupState.PreparingRebalance, scene.Group.State);
        Assert.Equal(ErrorCode.RebalanceInProgress, scene.Heartbeat(leader, 2));
        long first = scene.Join(ClassicScene.Joining(follower));
        GroupJoinReply refused = scene.Joined(ClassicScene.Joining(leader));
        Assert.Equal((short)ErrorCode.GroupMaxSizeReached, refused.Error);
        Assert.Equal(3, scene.JoinReply(first)!.Generation);
        Assert.Equal(follower, scene.JoinReply(first)!.Leader);
        Assert.Equal(ErrorCode.UnknownMemberId, scene.Heartbeat(leader, 2));
    }
}
