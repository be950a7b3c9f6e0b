using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>What time does to a group: sessions, rebalances, the first delay.</summary>
public sealed class RebalanceTests
{
    [Fact]
    public void Session_NotRenewed_EndsAndTheRestRebalances()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoStable();
        scene.Pass(ClassicScene.SessionMs - 1);
        scene.Heartbeat(leader, 2);
        Assert.Equal(GroupState.Stable, scene.Group.State);

        scene.Pass(1);

        Assert.Equal(ErrorCode.RebalanceInProgress, scene.Heartbeat(leader, 2));
        Assert.Equal(ErrorCode.UnknownMemberId, scene.Heartbeat(follower, 2));
        Assert.Single(scene.Joined(ClassicScene.Joining(leader)).Members);
    }

    [Theory]
    [InlineData("heartbeat")]
    [InlineData("join")]
    [InlineData("sync")]
    [InlineData("commit")]
    public void Session_RenewedByAnyRequest_GoesOn(string request)
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoStable();
        for (int round = 0; round < 3; round++)
        {
            scene.Pass(ClassicScene.SessionMs - 1);
            scene.Heartbeat(leader, 2);
            _ = request switch
            {
                "heartbeat" => (object)scene.Heartbeat(follower, 2),
                "join" => scene.Joined(ClassicScene.Joining(follower)),
                "sync" => scene.Synced(follower, 2),
                _ => scene.Commit(follower, 2),
            };
        }

        Assert.Equal((GroupState.Stable, 2), (scene.Group.State, scene.Group.Members.Count));
    }

    [Fact]
    public void RebalanceTimeout_Over_LeavesBehindWhoDidNotJoin()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoStable();
        long rejoin = scene.Join(ClassicScene.Joining(leader));
        for (int waited = 0; waited < ClassicScene.RebalanceMs; waited += 5_000)
        {
            Assert.Null(scene.JoinReply(rejoin));
            Assert.Equal(ErrorCode.RebalanceInProgress, scene.Heartbeat(follower, 2));
            scene.Pass(5_000);
        }

        Assert.Equal((3, 1), (scene.JoinReply(rejoin)!.Generation, scene.JoinReply(rejoin)!.Members.Length));
        Assert.Equal(ErrorCode.UnknownMemberId, scene.Heartbeat(follower, 3));
    }

    [Fact]
    public void RebalanceTimeout_OfAGroup_IsThatOfItsMostPatientMember()
    {
        var scene = new ClassicScene();
        string first = scene.Alone();
        scene.Join(ClassicScene.Joining("") with { RebalanceTimeoutMs = 2 * ClassicScene.RebalanceMs });
        for (int waited = 0; waited < (2 * ClassicScene.RebalanceMs) - 5_000; waited += 5_000)
        {
            scene.Pass(5_000);
            Assert.Equal(ErrorCode.RebalanceInProgress, scene.Heartbeat(first, 1));
        }

        scene.Pass(5_000);
        Assert.Equal(GroupState.CompletingRebalance, scene.Group.State);
    }

    [Fact]
    public void Leader_ThatDoesNotRejoin_IsFollowedByOneThatDid()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoStable();
        long third = scene.Join(ClassicScene.Joining(""));
        long rejoin = scene.Join(ClassicScene.Joining(follower));
        Assert.Null(scene.JoinReply(rejoin));

        scene.Pass(ClassicScene.SessionMs);

        Assert.Equal(follower, scene.JoinReply(rejoin)!.Leader);
        Assert.Equal(2, scene.JoinReply(rejoin)!.Members.Length);
        Assert.Equal(follower, scene.JoinReply(third)!.Leader);
        Assert.Equal(ErrorCode.UnknownMemberId, scene.Heartbeat(leader, 3));
    }

    [Fact]
    public void InitialDelay_OfANewGroup_IsWaitedForThenEndsByItself()
    {
        ClassicScene scene = WithInitialDelay(3_000);
        long first = scene.Join(ClassicScene.Joining(""));
        scene.Pass(2_999);
        Assert.Null(scene.JoinReply(first));

        scene.Pass(1);

        Assert.Equal(1, scene.JoinReply(first)!.Generation);
    }

    [Fact]
    public void InitialDelay_MembersKeepComing_IsExtendedUpToTheRebalanceTimeout()
    {
        ClassicScene scene = WithInitialDelay(3_000);
        GroupJoin join = ClassicScene.Joining("") with { RebalanceTimeoutMs = 10_000 };
        long first = scene.Join(join);
        for (int at = 2_500; at < 10_000; at += 2_500)
        {
            scene.Pass(2_500);
            Assert.Null(scene.JoinReply(first));
            scene.Join(join);
        }

        scene.Pass(2_500);

        Assert.Equal(4, scene.JoinReply(first)!.Members.Length);
    }

    [Fact]
    public void InitialDelay_OfAGroupWithMembers_IsNotWaitedFor()
    {
        ClassicScene scene = WithInitialDelay(3_000);
        long first = scene.Join(ClassicScene.Joining(""));
        scene.Pass(3_000);
        string leader = scene.JoinReply(first)!.MemberId;
        long second = scene.Join(ClassicScene.Joining(""));

        scene.Join(ClassicScene.Joining(leader));

        Assert.Equal(2, scene.JoinReply(second)!.Generation);
    }

    [Fact]
    public void NewMember_WhoseFirstJoinIsParked_IsKeptForFiveMinutesWithoutAWord()
    {
        var scene = new ClassicScene();
        string first = scene.Joined(ClassicScene.Joining("") with { SessionTimeoutMs = 1_000_000, RebalanceTimeoutMs = 900_000 }).MemberId;
        scene.Synced(first, 1);
        long second = scene.Join(ClassicScene.Joining(""));

        scene.Pass((5 * 60_000) - 1);
        Assert.Equal(2, scene.Group.Members.Count);
        scene.Pass(1);

        Assert.Single(scene.Group.Members);
        Assert.Equal((short)ErrorCode.UnknownMemberId, scene.JoinReply(second)!.Error);
    }

    [Fact]
    public void MemberThatJoinedAndDidNotSync_IsRemovedAfterTheRebalanceTimeout()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoThatCompleteTheRebalance();
        scene.Synced(leader, 2, (leader, 1), (follower, 2));
        for (int waited = 0; waited < ClassicScene.RebalanceMs; waited += 5_000)
        {
            Assert.Equal(GroupState.Stable, scene.Group.State);
            scene.Heartbeat(leader, 2);
            scene.Heartbeat(follower, 2);
            scene.Pass(5_000);
        }

        Assert.Equal(GroupState.PreparingRebalance, scene.Group.State);
        Assert.Equal(ErrorCode.UnknownMemberId, scene.Heartbeat(follower, 2));
    }

    [Fact]
    public void ParkedSync_WhenARebalanceStarts_IsToldToJoinAgain()
    {
        var scene = new ClassicScene();
        (_, string follower) = scene.TwoThatCompleteTheRebalance();
        long parked = scene.Sync(follower, 2);

        scene.Join(ClassicScene.Joining(""));

        Assert.Equal((short)ErrorCode.RebalanceInProgress, scene.SyncReply(parked)!.Error);
    }

    [Fact]
    public void LastMember_Leaving_EmptiesTheGroupAndKeepsItsOffsets()
    {
        var scene = new ClassicScene();
        string member = scene.Alone();
        scene.Commit(member, 1, 42);

        scene.Leave(member);

        Assert.Equal((GroupState.Empty, 2, 42L), (scene.Group.State, scene.Group.Generation, scene.Offset()));
    }

    [Fact]
    public void Leave_OfAStranger_IsRefused() =>
        Assert.Equal(ErrorCode.UnknownMemberId, new ClassicScene().Leave("nobody"));

    [Fact]
    public void Coordinator_ThatTakesOver_KnowsTheStableGroup()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoStable();
        scene.Commit(follower, 2, 9);

        scene.Reload();

        Assert.Equal((GroupState.Stable, 2, 9L), (scene.Group.State, scene.Group.Generation, scene.Offset()));
        Assert.Equal(ErrorCode.None, scene.Heartbeat(leader, 2));
        Assert.Equal([2], scene.Synced(follower, 2).Assignment);
    }

    [Fact]
    public void Coordinator_ThatTakesOver_GivesEachMemberAWholeSession()
    {
        var scene = new ClassicScene();
        scene.TwoStable();
        scene.Pass(ClassicScene.SessionMs - 1);
        scene.Reload();

        scene.Pass(ClassicScene.SessionMs - 1);
        Assert.Equal(2, scene.Group.Members.Count);
        scene.Pass(1);

        Assert.Empty(scene.Group.Members);
    }

    [Fact]
    public void CooperativeMembers_InASecondRebalance_AreToldWhatTheOthersOwn()
    {
        byte[] owned = [0, 1, 2, 3];
        var scene = new ClassicScene();
        string leader = scene.Joined(ClassicScene.Joining("") with
        {
            Protocols = [new GroupProtocol { Name = "cooperative-sticky", Metadata = owned }],
        }).MemberId;

        GroupJoinReply again = scene.Joined(ClassicScene.Joining(leader) with
        {
            Protocols = [new GroupProtocol { Name = "cooperative-sticky", Metadata = [9] }],
        });

        Assert.Equal([9], again.Members.Single().Metadata);
    }

    private static ClassicScene WithInitialDelay(int ms) =>
        new() { Settings = new GroupSettings { InitialRebalanceDelayMs = ms } };
}
