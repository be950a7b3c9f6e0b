using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>A group's way from the classic to the consumer protocol and back, with its members alive.</summary>
public sealed class MigrationTests
{
    private static readonly string[] Topics = ["t"];
    private static readonly string[] All = ["t/0", "t/1", "t/2", "t/3"];

    [Fact]
    public void Upgrade_FirstConsumer_TakesTheClassicMembersAlong()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();

        Member b = scene.Joined("b", "t");

        Assert.True(scene.Group.IsConsumerGroup);
        Assert.Equal("consumer", scene.Group.Listing!.Type);
        Assert.Equal(generation + 1, scene.Describe().GroupEpoch);
        ConsumerMemberDescription member = scene.Describe().Members.Single(each => each.IsClassic);
        Assert.Equal(classic, member.Member.MemberId);
        Assert.Equal(All, Member.Names(member.Assignment));
        Assert.Empty(b.Owned);
    }

    [Fact]
    public void Upgrade_ClassicMember_HearsThatItMustJoinAgainAndGetsItsShare()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);

        Assert.Equal(ErrorCode.RebalanceInProgress, scene.ClassicHeartbeat(classic, generation));
        GroupJoinReply joined = scene.ClassicJoin(classic, Topics);
        Assert.Equal((0, generation + 1, "", "range"), (joined.Error, joined.Generation, joined.Leader, joined.ProtocolName));
        GroupSyncReply synced = scene.ClassicSync(classic, joined.Generation);
        Assert.Equal(2, ConsumerScene.ReadAssignment(synced.Assignment).Length);
        Assert.Equal(ErrorCode.None, scene.ClassicHeartbeat(classic, joined.Generation));

        Assert.Equal(All, b.Beat().Owned.Concat(ConsumerScene.ReadAssignment(synced.Assignment)).Order());
        Assert.Equal("Stable", scene.Describe().State);
        Assert.Equal(ErrorCode.None, scene.Commit(classic, joined.Generation, "t", 0, version: 7));
        Assert.Equal(ErrorCode.IllegalGeneration, scene.Commit(classic, generation, "t", 0, version: 7));
    }

    [Fact]
    public void Upgrade_CooperativeMember_LetsGoFirst()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);
        scene.ClassicHeartbeat(classic, generation);

        GroupJoinReply first = scene.ClassicJoin(classic, Topics, owned: All);
        string[] kept = ConsumerScene.ReadAssignment(scene.ClassicSync(classic, first.Generation).Assignment);
        Assert.Equal(generation, first.Generation);
        Assert.Equal(2, kept.Length);
        Assert.Empty(b.Beat().Owned);
        Assert.Equal(ErrorCode.RebalanceInProgress, scene.ClassicHeartbeat(classic, first.Generation));

        GroupJoinReply second = scene.ClassicJoin(classic, Topics, owned: kept);
        Assert.Equal(generation + 1, second.Generation);
        Assert.Equal(kept, ConsumerScene.ReadAssignment(scene.ClassicSync(classic, second.Generation).Assignment));
        Assert.Equal(All, b.Beat().Owned.Concat(kept).Order());
    }

    [Fact]
    public void Classic_WaitsForPartitions_HearsWhenTheyAreFree()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");
        GroupJoinReply joined = scene.ClassicJoin("", Topics);
        string classic = joined.MemberId;
        Assert.Equal(ErrorCode.None, (ErrorCode)scene.ClassicSync(classic, joined.Generation).Error);
        scene.Advance(1000);
        Assert.Equal(ErrorCode.RebalanceInProgress, scene.ClassicHeartbeat(classic, joined.Generation));
        joined = scene.ClassicJoin(classic, Topics);
        Assert.Empty(ConsumerScene.ReadAssignment(scene.ClassicSync(classic, joined.Generation).Assignment));
        Assert.Equal(ErrorCode.None, scene.ClassicHeartbeat(classic, joined.Generation));

        a.Beat().Beat();

        Assert.Equal(ErrorCode.RebalanceInProgress, scene.ClassicHeartbeat(classic, joined.Generation));
        joined = scene.ClassicJoin(classic, Topics);
        string[] owned = ConsumerScene.ReadAssignment(scene.ClassicSync(classic, joined.Generation).Assignment);
        Assert.Equal(All, a.Owned.Concat(owned).Order());
    }

    [Fact]
    public void Classic_FirstJoin_MustComeBackWithItsId()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");

        GroupJoinReply reply = scene.ClassicJoin("", Topics, requiresId: true);
        Assert.Equal(ErrorCode.MemberIdRequired, (ErrorCode)reply.Error);
        Assert.Equal(ErrorCode.None, (ErrorCode)scene.ClassicJoin(reply.MemberId, Topics, requiresId: true).Error);
        Assert.Equal(ErrorCode.UnknownMemberId, (ErrorCode)scene.ClassicJoin("stranger", Topics).Error);
        Assert.Equal(ErrorCode.UnknownMemberId, (ErrorCode)scene.ClassicSync("a", 2).Error);
        Assert.Equal(ErrorCode.UnknownMemberId, scene.ClassicHeartbeat("a", 2));
    }

    [Fact]
    public void Classic_NoCommonProtocol_IsRefused()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");
        scene.ClassicJoin("", Topics);

        Assert.Equal(
            ErrorCode.InconsistentGroupProtocol, (ErrorCode)scene.ClassicJoin("", Topics, protocol: "roundrobin").Error);
    }

    [Fact]
    public void Classic_NeverJoinsAgain_IsOutAfterItsRebalanceTimeout()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);
        for (int beats = 0; beats < 5; beats++)
        {
            Assert.Equal(ErrorCode.RebalanceInProgress, scene.ClassicHeartbeat(classic, generation));
            scene.Advance(4000);
        }

        Assert.Equal(ErrorCode.UnknownMemberId, scene.ClassicHeartbeat(classic, generation));
        Assert.Equal(All, b.Beat().Owned);
    }

    [Fact]
    public void Classic_SilentMember_IsOutAfterItsOwnSession()
    {
        (ConsumerScene scene, _, _) = ClassicGroup();
        Member b = scene.Joined("b", "t");

        scene.Advance(10_000);

        Assert.Equal(All, b.Beat().Owned);
    }

    [Fact]
    public void Downgrade_LastConsumerLeaves_TheOthersRebalanceAmongThemselves()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();
        scene.Joined("b", "t");
        scene.Advance(1000);
        scene.ClassicHeartbeat(classic, generation);
        GroupJoinReply joined = scene.ClassicJoin(classic, Topics);
        scene.ClassicSync(classic, joined.Generation);

        scene.Leave("b");

        Assert.False(scene.Group.IsConsumerGroup);
        Assert.Equal("classic", scene.Group.Listing!.Type);
        Assert.Equal(ErrorCode.RebalanceInProgress, scene.ClassicHeartbeat(classic, joined.Generation));
        GroupJoinReply again = scene.ClassicJoin(classic, Topics);
        Assert.Equal((0, classic), (again.Error, again.Leader));
        Assert.True(again.Generation > joined.Generation);
        Assert.True(scene.ReadLog().Consumer.IsEmpty);
        Assert.False(scene.ReadLog().IsConsumerGroup);
    }

    [Fact]
    public void Downgrade_NotAllowed_StaysAConsumerGroup()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();
        scene.Settings = scene.Settings with { Consumer = new ConsumerSettings { Downgrades = false } };
        scene.Joined("b", "t");
        scene.Leave("b");

        Assert.True(scene.Group.IsConsumerGroup);
        Assert.Equal(ErrorCode.RebalanceInProgress, scene.ClassicHeartbeat(classic, generation));
        Assert.Equal(ErrorCode.None, (ErrorCode)scene.ClassicJoin(classic, Topics).Error);
    }

    [Fact]
    public void Upgrade_NotAllowed_IsRefused()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();
        scene.Settings = scene.Settings with { Consumer = new ConsumerSettings { Upgrades = false } };

        Assert.Equal(ErrorCode.GroupIdNotFound, (ErrorCode)scene.Join("b", "t").Error);
        Assert.Equal(ErrorCode.None, scene.ClassicHeartbeat(classic, generation));
    }

    [Fact]
    public void Upgrade_EmptyClassicGroup_KeepsItsOffsetsAndItsEpochGrows()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();
        scene.Commit(classic, generation, "t", 0, version: 7);
        scene.ClassicLeave(classic);

        Member b = scene.Joined("b", "t");

        Assert.True(b.Epoch > generation);
        Assert.Equal(1, scene.Group.Offsets.Count);
        Assert.Null(scene.ReadLog().State);
    }

    [Fact]
    public void EmptyConsumerGroup_ClassicMemberJoins_IsAClassicGroup()
    {
        var scene = new ConsumerScene(("t", 4));
        scene.Join("a", "t");
        scene.Leave("a");

        GroupJoinReply joined = scene.ClassicJoin("", Topics);

        Assert.False(scene.Group.IsConsumerGroup);
        Assert.Equal((0, joined.MemberId), (joined.Error, joined.Leader));
        Assert.True(joined.Generation > 3);
    }

    [Fact]
    public void Restart_MixedGroup_GoesOn()
    {
        (ConsumerScene scene, string classic, int generation) = ClassicGroup();
        Member b = scene.Joined("b", "t");
        scene.Restart();
        scene.Advance(1000);

        Assert.Equal(ErrorCode.RebalanceInProgress, scene.ClassicHeartbeat(classic, generation));
        GroupJoinReply joined = scene.ClassicJoin(classic, Topics);
        string[] owned = ConsumerScene.ReadAssignment(scene.ClassicSync(classic, joined.Generation).Assignment);

        Assert.Equal(All, b.Beat().Owned.Concat(owned).Order());
    }

    [Fact]
    public void Static_ClassicInstance_IsFencedByItsSuccessorOfTheConsumerProtocol()
    {
        var scene = new ConsumerScene(("t", 4));
        GroupJoinReply joined = scene.ClassicJoin("", Topics, instance: "i");
        scene.ClassicSync(joined.MemberId, joined.Generation, new GroupAssignment
        {
            MemberId = joined.MemberId,
            Assignment = ConsumerScene.Assignment(All),
        });

        ConsumerHeartbeatReply reply = scene.Send(
            ConsumerScene.Joining("new") with { Topics = ["t"], InstanceId = "i" });

        Assert.Equal(All, Member.Names(reply.Assignment!));
        Assert.Equal("new", Assert.Single(scene.Describe().Members).Member.MemberId);
        Assert.Equal(ErrorCode.UnknownMemberId, scene.ClassicHeartbeat(joined.MemberId, joined.Generation));
    }

    private static (ConsumerScene Scene, string MemberId, int Generation) ClassicGroup()
    {
        var scene = new ConsumerScene(("t", 4));
        GroupJoinReply joined = scene.ClassicJoin("", Topics);
        scene.ClassicSync(joined.MemberId, joined.Generation, new GroupAssignment
        {
            MemberId = joined.MemberId,
            Assignment = ConsumerScene.Assignment(All),
        });
        return (scene, joined.MemberId, joined.Generation);
    }
}
