using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>What each request meets in each state: the table of the classic protocol.</summary>
public sealed class StateTableTests
{
    [Theory]
    [InlineData(GroupState.Empty, ErrorCode.UnknownMemberId)]
    [InlineData(GroupState.PreparingRebalance, ErrorCode.RebalanceInProgress)]
    [InlineData(GroupState.CompletingRebalance, ErrorCode.None)]
    [InlineData(GroupState.Stable, ErrorCode.None)]
    [InlineData(GroupState.Dead, ErrorCode.UnknownMemberId)]
    internal void Heartbeat_InEachState_IsAnsweredAsInKafka(GroupState state, ErrorCode error)
    {
        (ClassicScene scene, string member) = In(state);

        Assert.Equal(error, scene.Heartbeat(member, scene.Group.Generation));
        Assert.Equal(state, scene.Group.State);
    }

    [Theory]
    [InlineData(GroupState.Empty, ErrorCode.UnknownMemberId)]
    [InlineData(GroupState.PreparingRebalance, ErrorCode.RebalanceInProgress)]
    [InlineData(GroupState.Stable, ErrorCode.None)]
    [InlineData(GroupState.Dead, ErrorCode.UnknownMemberId)]
    internal void Sync_InEachState_IsAnsweredAsInKafka(GroupState state, ErrorCode error)
    {
        (ClassicScene scene, string member) = In(state);

        GroupSyncReply reply = scene.Synced(member, scene.Group.Generation);

        Assert.Equal((short)error, reply.Error);
        Assert.Equal(state, scene.Group.State);
    }

    [Fact]
    public void Sync_CompletingRebalance_ParksFollowersUntilTheLeaderAssigns()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoThatCompleteTheRebalance();
        long parked = scene.Sync(follower, 2);
        Assert.Null(scene.SyncReply(parked));

        GroupSyncReply own = scene.Synced(leader, 2, (leader, 1), (follower, 2));

        Assert.Equal([1], own.Assignment);
        Assert.Equal([2], scene.SyncReply(parked)!.Assignment);
        Assert.Equal(GroupState.Stable, scene.Group.State);
    }

    [Theory]
    [InlineData(GroupState.Empty, ErrorCode.UnknownMemberId)]
    [InlineData(GroupState.PreparingRebalance, ErrorCode.None)]
    [InlineData(GroupState.CompletingRebalance, ErrorCode.RebalanceInProgress)]
    [InlineData(GroupState.Stable, ErrorCode.None)]
    [InlineData(GroupState.Dead, ErrorCode.CoordinatorNotAvailable)]
    internal void Commit_ByAMemberInEachState_IsAnsweredAsInKafka(GroupState state, ErrorCode error)
    {
        (ClassicScene scene, string member) = In(state);

        Assert.Equal(error, scene.Commit(member, scene.Group.Generation));
    }

    [Theory]
    [InlineData(GroupState.Empty, ErrorCode.None)]
    [InlineData(GroupState.PreparingRebalance, ErrorCode.UnknownMemberId)]
    [InlineData(GroupState.CompletingRebalance, ErrorCode.UnknownMemberId)]
    [InlineData(GroupState.Stable, ErrorCode.UnknownMemberId)]
    [InlineData(GroupState.Dead, ErrorCode.CoordinatorNotAvailable)]
    internal void Commit_ByNoMemberInEachState_IsTakenOnlyWhenEmpty(GroupState state, ErrorCode error)
    {
        (ClassicScene scene, _) = In(state);

        Assert.Equal(error, scene.Commit("", -1));
    }

    [Theory]
    [InlineData(GroupState.Empty)]
    [InlineData(GroupState.CompletingRebalance)]
    [InlineData(GroupState.Stable)]
    internal void Join_ByAStranger_StartsARebalance(GroupState state)
    {
        (ClassicScene scene, _) = In(state);

        scene.Join(ClassicScene.Joining(""));

        Assert.Equal(
            state == GroupState.Empty ? GroupState.CompletingRebalance : GroupState.PreparingRebalance,
            scene.Group.State);
    }

    [Fact]
    public void Join_WhilePreparing_IsParkedUntilAllHaveJoined()
    {
        var scene = new ClassicScene();
        string first = scene.Alone();
        long second = scene.Join(ClassicScene.Joining(""));
        long third = scene.Join(ClassicScene.Joining(""));
        Assert.Null(scene.JoinReply(second));

        GroupJoinReply leader = scene.Joined(ClassicScene.Joining(first));

        Assert.Equal(3, leader.Members.Length);
        Assert.Equal(2, scene.JoinReply(second)!.Generation);
        Assert.Equal(2, scene.JoinReply(third)!.Generation);
        Assert.Empty(scene.JoinReply(third)!.Members);
    }

    [Fact]
    public void Join_ByAFollowerThatChangedNothing_IsAnsweredWithTheGenerationThatStands()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoStable();

        GroupJoinReply reply = scene.Joined(ClassicScene.Joining(follower));

        Assert.Equal((2, leader, GroupState.Stable), (reply.Generation, reply.Leader, scene.Group.State));
    }

    [Fact]
    public void Join_ByTheLeader_StartsARebalance()
    {
        var scene = new ClassicScene();
        (string leader, _) = scene.TwoStable();

        scene.Join(ClassicScene.Joining(leader));

        Assert.Equal(GroupState.PreparingRebalance, scene.Group.State);
    }

    [Theory]
    [InlineData(GroupState.CompletingRebalance)]
    [InlineData(GroupState.Stable)]
    internal void Join_ByAFollowerThatReadsMore_StartsARebalance(GroupState state)
    {
        var scene = new ClassicScene();
        (_, string follower) = state == GroupState.Stable ? scene.TwoStable() : scene.TwoThatCompleteTheRebalance();

        scene.Join(ClassicScene.Joining(follower) with { Protocols = [ClassicScene.Protocol("range", "t", "u")] });

        Assert.Equal(GroupState.PreparingRebalance, scene.Group.State);
    }

    [Fact]
    public void Join_WhileCompletingWithNothingChanged_IsAnsweredAgain()
    {
        var scene = new ClassicScene();
        (string leader, string follower) = scene.TwoThatCompleteTheRebalance();

        Assert.Equal(2, scene.Joined(ClassicScene.Joining(leader)).Members.Length);
        Assert.Empty(scene.Joined(ClassicScene.Joining(follower)).Members);
        Assert.Equal(GroupState.CompletingRebalance, scene.Group.State);
    }

    [Theory]
    [InlineData(GroupState.Empty, ErrorCode.UnknownMemberId)]
    [InlineData(GroupState.Dead, ErrorCode.CoordinatorNotAvailable)]
    internal void Join_ByAMemberThatIsNone_IsRefused(GroupState state, ErrorCode error)
    {
        (ClassicScene scene, string member) = In(state);

        Assert.Equal((short)error, scene.Joined(ClassicScene.Joining(member)).Error);
    }

    [Theory]
    [InlineData(GroupState.PreparingRebalance)]
    [InlineData(GroupState.CompletingRebalance)]
    [InlineData(GroupState.Stable)]
    internal void Requests_OfAnotherGeneration_AreIllegal(GroupState state)
    {
        (ClassicScene scene, string member) = In(state);
        int other = scene.Group.Generation - 1;

        Assert.Equal(ErrorCode.IllegalGeneration, scene.Heartbeat(member, other));
        Assert.Equal((short)ErrorCode.IllegalGeneration, scene.Synced(member, other).Error);
        Assert.Equal(ErrorCode.IllegalGeneration, scene.Commit(member, other));
    }

    [Theory]
    [InlineData(GroupState.PreparingRebalance)]
    [InlineData(GroupState.CompletingRebalance)]
    [InlineData(GroupState.Stable)]
    internal void Delete_WithMembers_IsRefused(GroupState state)
    {
        (ClassicScene scene, _) = In(state);

        Assert.Equal(ErrorCode.NonEmptyGroup, scene.Delete());
    }

    [Fact]
    public void Delete_OfAnEmptyGroup_LeavesNothing()
    {
        (ClassicScene scene, _) = In(GroupState.Empty);
        scene.Commit("", -1, 5);

        Assert.Equal(ErrorCode.None, scene.Delete());

        scene.Reload();
        Assert.False(scene.Group.Exists);
        Assert.Equal(-1, scene.Offset());
    }

    [Fact]
    public void Delete_OfNoGroup_FindsNone() => Assert.Equal(ErrorCode.GroupIdNotFound, new ClassicScene().Delete());

    /// <summary>A group in a state, and somebody who is, or was, a member.</summary>
    private static (ClassicScene Scene, string Member) In(GroupState state)
    {
        var scene = new ClassicScene();
        string member = state switch
        {
            GroupState.CompletingRebalance => scene.TwoThatCompleteTheRebalance().Leader,
            GroupState.Stable => scene.TwoStable().Leader,
            _ => scene.Alone(),
        };
        if (state == GroupState.PreparingRebalance)
        {
            scene.Join(ClassicScene.Joining(""));
        }
        else if (state is GroupState.Empty or GroupState.Dead)
        {
            scene.Leave(member);
        }

        if (state == GroupState.Dead)
        {
            scene.Delete();
        }

        Assert.Equal(state, scene.Group.State);
        return (scene, member);
    }
}
