using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>Patterns, topics that come and go, and who gets what of different subscriptions.</summary>
public sealed class SubscriptionTests
{
    [Fact]
    public void Pattern_FirstJoin_IsResolvedAtOnce()
    {
        var scene = new ConsumerScene(("kc", 2), ("kc2", 1), ("other", 5));

        ConsumerHeartbeatReply reply = scene.Send(ConsumerScene.Joining("a") with { Pattern = "kc.*" });

        Assert.Equal(["kc/0", "kc/1", "kc2/0"], Member.Names(reply.Assignment!));
        Assert.Equal("kc.*", scene.Describe().Members[0].Pattern);
        Assert.Equal(["kc", "kc2"], scene.ReadLog().Consumer.Patterns["kc.*"].Topics);
    }

    [Fact]
    public void Pattern_EmptyOnJoin_IsAMemberWithoutTopics()
    {
        var scene = new ConsumerScene(("kc", 2));

        ConsumerHeartbeatReply reply = scene.Send(ConsumerScene.Joining("a") with { Pattern = "" });

        Assert.Equal(ErrorCode.None, (ErrorCode)reply.Error);
        Assert.Empty(reply.Assignment!);
    }

    [Fact]
    public void Pattern_NewTopic_IsNoticedWithTheNextHeartbeat()
    {
        var scene = new ConsumerScene(("kc", 1));
        var a = new Member(scene, "a");
        a.Take(scene.Send(ConsumerScene.Joining("a") with { Pattern = "kc.*" }));

        scene.SetTopic("kc2", 1);
        scene.Advance(5000);

        Assert.Equal(["kc/0", "kc2/0"], a.Beat().Owned);
    }

    [Fact]
    public void Pattern_ThatMatchesEverything_LeavesInternalTopicsOut()
    {
        var scene = new ConsumerScene(("kc", 1), ("__consumer_off", 1));
        scene.SetTopic("__consumer_offsets", 2, Guid.NewGuid());

        var a = new Member(scene, "a");
        a.Take(scene.Send(ConsumerScene.Joining("a") with { Pattern = ".*" }));

        Assert.Equal(["__consumer_off/0", "kc/0"], a.Owned);
    }

    [Fact]
    public void Names_ThatReadAlikeInARow_AreDifferentSubscriptions()
    {
        var scene = new ConsumerScene(("x", 2), ("y", 2));
        Member a = scene.Joined("a", "x,y");
        Member b = scene.Joined("b", "x", "y");
        scene.Advance(1000);
        b.Beat();

        Assert.Empty(a.Beat().Owned);
        Assert.Equal(["x/0", "x/1", "y/0", "y/1"], b.Owned);
    }

    [Fact]
    public void Pattern_Exchanged_ForgetsTheOldOne()
    {
        var scene = new ConsumerScene(("kc", 1), ("x", 1));
        var a = new Member(scene, "a");
        a.Take(scene.Send(ConsumerScene.Joining("a") with { Pattern = "kc.*" }));

        a.Take(scene.Send(ConsumerScene.Beating("a", a.Epoch) with { Pattern = "x" }));
        a.Beat();

        Assert.Equal(["x/0"], a.Owned);
        Assert.Equal("x", Assert.Single(scene.ReadLog().Consumer.Patterns).Key);
        a.Take(scene.Send(ConsumerScene.Beating("a", a.Epoch) with { Pattern = "", Topics = ["kc"] }));
        a.Beat();
        Assert.Equal(["kc/0"], a.Owned);
        Assert.Empty(scene.ReadLog().Consumer.Patterns);
    }

    [Fact]
    public void Patterns_UnionStaysTheSame_MembersAreAssignedAnew()
    {
        var scene = new ConsumerScene(("a1", 1));
        var a = new Member(scene, "a");
        var b = new Member(scene, "b");
        a.Take(scene.Send(ConsumerScene.Joining("a") with { Pattern = "a.*" }));
        b.Take(scene.Send(ConsumerScene.Joining("b") with { Topics = ["a1", "b1"] }));
        scene.SetTopic("b1", 1);
        scene.Advance(1000);
        a.Beat();
        scene.Advance(1000);
        b.Beat();
        a.Beat();
        b.Beat();

        Assert.Equal(["a1/0"], a.Owned);
        Assert.Equal(["b1/0"], b.Owned);
    }

    [Fact]
    public void Topic_NotThereYet_IsAssignedWhenItComes()
    {
        var scene = new ConsumerScene();
        Member a = scene.Joined("a", "t");
        Assert.Equal(2, a.Epoch);
        Assert.Empty(a.Owned);

        scene.SetTopic("t", 2);

        Assert.Equal(["t/0", "t/1"], a.Beat().Owned);
        Assert.Equal(3, a.Epoch);
    }

    [Fact]
    public void Topic_MorePartitionsOrGone_OpensANewEpoch()
    {
        var scene = new ConsumerScene(("t", 1), ("u", 1));
        Member a = scene.Joined("a", "t", "u");
        int epoch = a.Epoch;

        scene.SetTopic("t", 2);
        a.Beat();
        Assert.Equal(["t/0", "t/1", "u/0"], a.Owned);
        Assert.Equal(epoch + 1, a.Epoch);

        scene.DeleteTopic("u");
        a.Beat();
        a.Beat();
        Assert.Equal(["t/0", "t/1"], a.Owned);
        Assert.Equal(epoch + 2, a.Epoch);
    }

    [Fact]
    public void Topic_NobodysSubscription_ChangesNothing()
    {
        var scene = new ConsumerScene(("t", 1));
        Member a = scene.Joined("a", "t");
        int epoch = a.Epoch;

        scene.SetTopic("x", 1);

        Assert.Equal(epoch, a.Beat().Epoch);
    }

    [Fact]
    public void Subscription_Changed_MovesOn()
    {
        var scene = new ConsumerScene(("t", 1), ("u", 1));
        Member a = scene.Joined("a", "t");

        ConsumerHeartbeatReply reply = scene.Send(ConsumerScene.Beating("a", a.Epoch) with
        {
            Topics = ["u"],
            Owned = Member.Partitions(a.Owned),
        });
        Assert.Empty(reply.Assignment!);
        a.Take(reply);

        Assert.Equal(["u/0"], a.Beat().Owned);
    }
}
