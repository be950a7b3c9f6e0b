using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>Who may join, under which id, and what is agreed on.</summary>
public sealed class JoinTests
{
    [Fact]
    public void Join_WithoutIdWhereOneIsRequired_IsGivenOneToComeBackWith()
    {
        var scene = new ClassicScene();

        GroupJoinReply refused = scene.Joined(ClassicScene.Joining("") with { RequiresMemberId = true });

        Assert.Equal((short)ErrorCode.MemberIdRequired, refused.Error);
        Assert.Equal("client-1", refused.MemberId);
        Assert.Empty(scene.Group.Members);
        Assert.Equal(1, scene.Joined(ClassicScene.Joining(refused.MemberId)).Generation);
    }

    [Fact]
    public void PendingId_NotUsedForASession_IsForgotten()
    {
        var scene = new ClassicScene();
        string id = scene.Joined(ClassicScene.Joining("") with { RequiresMemberId = true }).MemberId;

        scene.Pass(ClassicScene.SessionMs);

        Assert.Equal((short)ErrorCode.UnknownMemberId, scene.Joined(ClassicScene.Joining(id)).Error);
        Assert.True(scene.Group.IsIdle);
    }

    [Fact]
    public void PendingId_WhileARebalanceIsPrepared_HoldsItUpUntilItIsForgotten()
    {
        var scene = new ClassicScene();
        string first = scene.Alone();
        scene.Join(ClassicScene.Joining("") with { RequiresMemberId = true });
        long rejoin = scene.Join(ClassicScene.Joining(first));
        Assert.Null(scene.JoinReply(rejoin));

        scene.Pass(ClassicScene.SessionMs);

        Assert.Equal(2, scene.JoinReply(rejoin)!.Generation);
    }

    [Fact]
    public void PendingId_ThatLeaves_IsForgotten()
    {
        var scene = new ClassicScene();
        string id = scene.Joined(ClassicScene.Joining("") with { RequiresMemberId = true }).MemberId;

        Assert.Equal(ErrorCode.None, scene.Leave(id));
        Assert.Equal((short)ErrorCode.UnknownMemberId, scene.Joined(ClassicScene.Joining(id)).Error);
    }

    [Theory]
    [InlineData(5_999, ErrorCode.InvalidSessionTimeout)]
    [InlineData(6_000, ErrorCode.None)]
    [InlineData(1_800_000, ErrorCode.None)]
    [InlineData(1_800_001, ErrorCode.InvalidSessionTimeout)]
    public void SessionTimeout_OutsideOfItsBounds_IsRefused(int sessionMs, ErrorCode error) => Assert.Equal(
        (short)error, new ClassicScene().Joined(ClassicScene.Joining("") with { SessionTimeoutMs = sessionMs }).Error);

    [Fact]
    public void Protocol_OfAGroup_IsTheOneWithMostVotesThatAllKnow()
    {
        var scene = new ClassicScene();
        string first = Join(scene, "", "a", "b", "c").MemberId;
        long second = scene.Join(Knowing("", "b", "c", "a"));
        long third = scene.Join(Knowing("", "b", "c"));

        GroupJoinReply reply = scene.Joined(Knowing(first, "a", "b", "c"));

        Assert.Equal("b", reply.ProtocolName);
        Assert.Equal("b", scene.JoinReply(second)!.ProtocolName);
        Assert.Equal("b", scene.JoinReply(third)!.ProtocolName);
    }

    [Fact]
    public void Join_WithNoProtocolThatTheOthersKnow_IsRefused()
    {
        var scene = new ClassicScene();
        Join(scene, "", "a");

        Assert.Equal((short)ErrorCode.InconsistentGroupProtocol, Join(scene, "", "b").Error);
    }

    [Fact]
    public void Join_WithAnotherProtocolType_IsRefused()
    {
        var scene = new ClassicScene();
        scene.Alone();

        GroupJoinReply reply = scene.Joined(ClassicScene.Joining("") with { ProtocolType = "connect" });

        Assert.Equal((short)ErrorCode.InconsistentGroupProtocol, reply.Error);
    }

    [Fact]
    public void Join_WithoutProtocols_IsRefused() => Assert.Equal(
        (short)ErrorCode.InconsistentGroupProtocol, Join(new ClassicScene(), "").Error);

    [Fact]
    public void Sync_WithAProtocolThatWasNotChosen_IsRefused()
    {
        var scene = new ClassicScene();
        string member = scene.Joined(ClassicScene.Joining("")).MemberId;

        Assert.Equal(
            (short)ErrorCode.InconsistentGroupProtocol,
            scene.SyncReply(scene.Sync(member, 1, type: "consumer", protocol: "sticky"))!.Error);
        Assert.Equal(
            (short)ErrorCode.InconsistentGroupProtocol,
            scene.SyncReply(scene.Sync(member, 1, type: "connect", protocol: "range"))!.Error);
        Assert.Equal(0, scene.SyncReply(scene.Sync(member, 1, type: "consumer", protocol: "range"))!.Error);
    }

    [Fact]
    public void Leader_OfAGroup_IsTheFirstToJoinAndAloneKnowsTheMembers()
    {
        var scene = new ClassicScene();
        string first = scene.Alone();
        long second = scene.Join(ClassicScene.Joining(""));

        GroupJoinReply leader = scene.Joined(ClassicScene.Joining(first));

        Assert.Equal(first, leader.Leader);
        Assert.Equal(2, leader.Members.Length);
        Assert.Equal((first, 0), (scene.JoinReply(second)!.Leader, scene.JoinReply(second)!.Members.Length));
    }

    [Fact]
    public void MaxSize_Reached_RefusesStrangersAndNotMembers()
    {
        var scene = new ClassicScene { Settings = new() { InitialRebalanceDelayMs = 0, SizeMax = 2 } };
        (string leader, _) = scene.TwoStable();

        Assert.Equal((short)ErrorCode.GroupMaxSizeReached, scene.Joined(ClassicScene.Joining("")).Error);
        Assert.Null(scene.JoinReply(scene.Join(ClassicScene.Joining(leader))));
    }

    [Fact]
    public void MaxSize_WhileARebalanceIsPrepared_CountsOnlyWhoWaits()
    {
        var scene = new ClassicScene { Settings = new() { InitialRebalanceDelayMs = 0, SizeMax = 2 } };
        (string leader, _) = scene.TwoStable();
        scene.Join(ClassicScene.Joining(leader));

        Assert.Null(scene.JoinReply(scene.Join(ClassicScene.Joining(""))));
        Assert.Equal((short)ErrorCode.GroupMaxSizeReached, scene.Joined(ClassicScene.Joining("")).Error);
    }

    private static GroupJoin Knowing(string memberId, params string[] protocols) => ClassicScene.Joining(memberId) with
    {
        Protocols = [.. protocols.Select(each => ClassicScene.Protocol(each, "t"))],
    };

    private static GroupJoinReply Join(ClassicScene scene, string memberId, params string[] protocols) =>
        scene.Joined(Knowing(memberId, protocols));
}
