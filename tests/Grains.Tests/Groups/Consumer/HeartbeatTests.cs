using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>KIP-848 rule by rule: epochs, joining, leaving, what is refused.</summary>
public sealed class HeartbeatTests
{
    private static readonly string[] All = ["t/0", "t/1", "t/2", "t/3"];

    [Fact]
    public void Members_ThatAreGivenUp_AreReportedWithTheReason()
    {
        var scene = new ConsumerScene(("t", 2));
        Member a = scene.Joined("a", "t");
        scene.Joined("b", "t");
        scene.Advance(1000);
        a.Beat();
        scene.Advance(30_000);
        scene.Advance(45_000);

        Assert.Equal(
            [
                new LostMember("a", "client", "/127.0.0.1", "it did not give up its partitions within the rebalance timeout"),
                new LostMember("b", "client", "/127.0.0.1", "it was silent for a whole session"),
            ],
            scene.Lost);
    }

    [Fact]
    public void Join_FirstMember_IsAtEpochTwoWithEverythingAtOnce()
    {
        var scene = new ConsumerScene(("t", 4));

        ConsumerHeartbeatReply reply = scene.Join("a", "t");

        Assert.Equal((0, 2, 5000), (reply.Error, reply.MemberEpoch, reply.HeartbeatIntervalMs));
        Assert.Equal(All, Member.Names(reply.Assignment!));
        Assert.Equal("Stable", scene.Describe().State);
    }

    [Fact]
    public void Join_SecondMember_WaitsForTheAssignmentInterval()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");

        Member b = scene.Joined("b", "t");

        Assert.Equal(2, b.Epoch);
        Assert.Empty(b.Owned);
        Assert.Equal("Assigning", scene.Describe().State);
        scene.Advance(999);
        Assert.Equal(All, a.Beat().Owned);
        scene.Advance(1);
        Assert.Equal(2, a.Beat().Owned.Length);
        Assert.Equal("Reconciling", scene.Describe().State);
    }

    [Fact]
    public void Beat_ToldToLetGo_KeepsItsEpochUntilItReportsLess()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);

        ConsumerHeartbeatReply told = scene.Send(ConsumerScene.Beating("a", 2) with { Owned = Member.Partitions(All) });
        ConsumerHeartbeatReply again = scene.Send(ConsumerScene.Beating("a", 2));
        b.Beat();

        Assert.Equal(2, told.MemberEpoch);
        Assert.Equal(2, Member.Names(told.Assignment!).Length);
        Assert.Null(again.Assignment);
        Assert.Equal(3, b.Epoch);
        Assert.Empty(b.Owned);

        a.Take(told);
        a.Beat();
        b.Beat();

        Assert.Equal((3, 3), (a.Epoch, b.Epoch));
        Assert.Equal(All, a.Owned.Concat(b.Owned).Order());
        Assert.Equal("Stable", scene.Describe().State);
    }

    [Fact]
    public void Beat_NothingNew_TellsNoAssignmentAndWritesNothing()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");
        int written = scene.Log.Count;

        ConsumerHeartbeatReply reply = scene.Send(ConsumerScene.Beating("a", 2));

        Assert.Null(reply.Assignment);
        Assert.Equal(2, reply.MemberEpoch);
        Assert.Equal(written, scene.Log.Count);
    }

    [Fact]
    public void Beat_FullRequest_TellsTheAssignmentAgain()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");

        ConsumerHeartbeatReply reply = scene.Send(ConsumerScene.Beating("a", 2) with
        {
            RebalanceTimeoutMs = 30_000,
            Topics = ["t"],
            Owned = Member.Partitions(All),
        });

        Assert.Equal(All, Member.Names(reply.Assignment!));
    }

    [Theory]
    [InlineData(99, null, ErrorCode.FencedMemberEpoch)]
    [InlineData(1, null, ErrorCode.FencedMemberEpoch)]
    [InlineData(2, null, ErrorCode.FencedMemberEpoch)]
    [InlineData(2, "t/0,t/1", ErrorCode.None)]
    [InlineData(2, "t/0,t/2", ErrorCode.FencedMemberEpoch)]
    [InlineData(2, "", ErrorCode.None)]
    [InlineData(3, null, ErrorCode.None)]
    public void Beat_Epoch_MustBeItsOwnOrTheOneBeforeWithItsOwnPartitions(int epoch, string? owned, object expected)
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Settings = scene.Settings with { Consumer = new ConsumerSettings { Assignors = ["range"] } };
        Member a = scene.Joined("a", "t");
        scene.Joined("b", "t");
        scene.Advance(1000);
        a.Beat().Beat();
        Assert.Equal(3, a.Epoch);
        Assert.Equal(["t/0", "t/1"], a.Owned);

        ConsumerHeartbeatReply reply = scene.Send(ConsumerScene.Beating("a", epoch) with
        {
            Owned = owned is null ? null : Member.Partitions(owned.Split(',', StringSplitOptions.RemoveEmptyEntries)),
        });

        Assert.Equal((ErrorCode)expected, (ErrorCode)reply.Error);
    }

    [Fact]
    public void Join_Again_IsTakenAtAnyTime()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");

        ConsumerHeartbeatReply reply = scene.Join("a", "t");

        Assert.Equal((0, 2), (reply.Error, reply.MemberEpoch));
        Assert.Equal(All, Member.Names(reply.Assignment!));
    }

    [Fact]
    public void Beat_Stranger_IsRefused()
    {
        var scene = new ConsumerScene(("t", 4));

        Assert.Equal(ErrorCode.GroupIdNotFound, (ErrorCode)scene.Send(ConsumerScene.Beating("x", 5)).Error);
        Assert.Equal(ErrorCode.GroupIdNotFound, (ErrorCode)scene.Leave("x").Error);
        scene.Join("a", "t");
        Assert.Equal(ErrorCode.UnknownMemberId, (ErrorCode)scene.Send(ConsumerScene.Beating("x", 5)).Error);
        Assert.Equal(ErrorCode.UnknownMemberId, (ErrorCode)scene.Leave("x").Error);
    }

    public static TheoryData<string, object> Malformed => new()
    {
        { "empty member id", ErrorCode.InvalidRequest },
        { "empty instance id", ErrorCode.InvalidRequest },
        { "empty rack", ErrorCode.InvalidRequest },
        { "long member id", ErrorCode.InvalidRequest },
        { "long instance id", ErrorCode.InvalidRequest },
        { "long rack", ErrorCode.InvalidRequest },
        { "long topic", ErrorCode.InvalidRequest },
        { "no rebalance timeout", ErrorCode.InvalidRequest },
        { "no owned list", ErrorCode.InvalidRequest },
        { "owned partitions", ErrorCode.InvalidRequest },
        { "no subscription", ErrorCode.InvalidRequest },
        { "epoch -3", ErrorCode.InvalidRequest },
        { "epoch -2 without instance", ErrorCode.InvalidRequest },
        { "unknown assignor", ErrorCode.UnsupportedAssignor },
        { "empty assignor", ErrorCode.UnsupportedAssignor },
        { "bad pattern", ErrorCode.InvalidRegularExpression },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Join_Malformed_IsRefusedAndLeavesNothing(string what, object expected)
    {
        var scene = new ConsumerScene(("t", 4));
        ConsumerHeartbeat join = ConsumerScene.Joining("a") with { Topics = ["t"] };
        join = what switch
        {
            "empty member id" => join with { MemberId = "" },
            "empty instance id" => join with { InstanceId = "" },
            "empty rack" => join with { RackId = "" },
            "long member id" => join with { MemberId = new string('x', 8_001) },
            "long instance id" => join with { InstanceId = new string('x', 8_001) },
            "long rack" => join with { RackId = new string('x', 8_001) },
            "long topic" => join with { Topics = ["t", new string('x', 8_001)] },
            "no rebalance timeout" => join with { RebalanceTimeoutMs = -1 },
            "no owned list" => join with { Owned = null },
            "owned partitions" => join with { Owned = Member.Partitions(["t/0"]) },
            "no subscription" => join with { Topics = null },
            "epoch -3" => join with { MemberEpoch = -3 },
            "epoch -2 without instance" => join with { MemberEpoch = -2 },
            "unknown assignor" => join with { ServerAssignor = "sticky" },
            "empty assignor" => join with { ServerAssignor = "" },
            _ => join with { Topics = null, Pattern = "t(" },
        };

        Assert.Equal((ErrorCode)expected, (ErrorCode)scene.Send(join).Error);
        Assert.False(scene.Group.Exists);
        Assert.Empty(scene.Log);
    }

    [Fact]
    public void Join_WithoutIdInVersionZero_IsGivenOne()
    {
        var scene = new ConsumerScene(("t", 4));

        ConsumerHeartbeatReply reply = scene.Send(
            ConsumerScene.Joining("") with { Topics = ["t"], NeedsMemberId = true });

        Assert.Equal(ErrorCode.None, (ErrorCode)reply.Error);
        Assert.NotEmpty(reply.MemberId!);
    }

    [Fact]
    public void Join_FullGroup_IsRefused()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Settings = scene.Settings with { Consumer = new ConsumerSettings { SizeMax = 1 } };
        scene.Join("a", "t");

        Assert.Equal(ErrorCode.GroupMaxSizeReached, (ErrorCode)scene.Join("b", "t").Error);
        Assert.Equal(ErrorCode.None, (ErrorCode)scene.Join("a", "t").Error);
    }

    [Fact]
    public void Leave_LastMember_LeavesAnEmptyConsumerGroup()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");

        ConsumerHeartbeatReply reply = scene.Leave("a");

        Assert.Equal((0, -1, 0), (reply.Error, reply.MemberEpoch, reply.HeartbeatIntervalMs));
        Assert.Equal("Empty", scene.Describe().State);
        Assert.Equal(3, scene.Describe().GroupEpoch);
        Assert.Equal(new GroupListing("group", "consumer", "Empty", "consumer"), scene.Group.Listing);
    }

    [Fact]
    public void Leave_OneOfTwo_GivesTheOtherEverythingAtOnce()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);
        a.Beat().Beat();
        b.Beat();

        scene.Leave("b");

        Assert.Equal(All, a.Beat().Owned);
    }

    [Fact]
    public void Session_SilentMember_IsOutAfterFortyFiveSeconds()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");

        scene.Advance(44_999);
        Assert.Single(scene.Describe().Members);
        scene.Advance(1);

        Assert.Empty(scene.Describe().Members);
        Assert.Equal(ErrorCode.UnknownMemberId, (ErrorCode)scene.Send(ConsumerScene.Beating("a", 2)).Error);
    }

    [Fact]
    public void Session_GroupsOwnSettings_CountWithinTheBrokersBounds()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.SetGroupConfig("consumer.session.timeout.ms", "50000");
        scene.Join("a", "t");
        scene.Advance(49_999);
        Assert.Single(scene.Describe().Members);
        scene.Advance(1);
        Assert.Empty(scene.Describe().Members);

        scene.SetGroupConfig("consumer.heartbeat.interval.ms", "1");
        Assert.Equal(5000, scene.Join("a", "t").HeartbeatIntervalMs);
        scene.SetGroupConfig("consumer.heartbeat.interval.ms", "7000");
        Assert.Equal(7000, scene.Send(ConsumerScene.Beating("a", 0) with
        {
            RebalanceTimeoutMs = 1,
            Owned = [],
            Topics = ["t"],
        }).HeartbeatIntervalMs);
    }

    [Fact]
    public void Revocation_TooSlow_IsFenced()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);
        ConsumerHeartbeat holding = ConsumerScene.Beating("a", 2) with { Owned = Member.Partitions(All) };
        scene.Send(holding);

        scene.Advance(29_999);
        Assert.Equal(ErrorCode.None, (ErrorCode)scene.Send(holding).Error);
        scene.Advance(1);

        Assert.Equal(ErrorCode.UnknownMemberId, (ErrorCode)scene.Send(holding).Error);
        Assert.Equal(All, b.Beat().Owned);
        Assert.Equal(2, a.Epoch);
    }

    [Fact]
    public void Assignor_MostWished_IsTheGroups()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");
        Assert.Equal("uniform", scene.Describe().AssignorName);

        scene.Send(ConsumerScene.Joining("b") with { Topics = ["t"], ServerAssignor = "range" });
        Assert.Equal("range", scene.Describe().AssignorName);

        scene.Send(ConsumerScene.Joining("c") with { Topics = ["t"], ServerAssignor = "uniform" });
        scene.Send(ConsumerScene.Joining("d") with { Topics = ["t"], ServerAssignor = "uniform" });
        Assert.Equal("uniform", scene.Describe().AssignorName);
        int epoch = scene.Describe().GroupEpoch;
        scene.Send(ConsumerScene.Beating("a", 2) with { ServerAssignor = "range" });
        scene.Send(ConsumerScene.Beating("c", 2) with { ServerAssignor = "range" });
        Assert.Equal("range", scene.Describe().AssignorName);
        Assert.True(scene.Describe().GroupEpoch > epoch);
    }
}
