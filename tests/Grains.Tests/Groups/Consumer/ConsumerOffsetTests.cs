using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>Offsets of consumer groups: who may commit, fetch and delete them.</summary>
public sealed class ConsumerOffsetTests
{
    [Theory]
    [InlineData("a", 2, 9, ErrorCode.None)]
    [InlineData("a", 1, 9, ErrorCode.StaleMemberEpoch)]
    [InlineData("a", 77, 9, ErrorCode.StaleMemberEpoch)]
    [InlineData("a", -1, 9, ErrorCode.StaleMemberEpoch)]
    [InlineData("nobody", 1, 9, ErrorCode.UnknownMemberId)]
    [InlineData("", -1, 9, ErrorCode.UnknownMemberId)]
    [InlineData("a", 2, 8, ErrorCode.UnsupportedVersion)]
    [InlineData("", -1, 8, ErrorCode.UnknownMemberId)]
    public void Commit_MembersEpoch_IsChecked(string memberId, int epoch, short version, object expected)
    {
        var scene = new ConsumerScene(("t", 2));
        scene.Join("a", "t");

        Assert.Equal((ErrorCode)expected, scene.Commit(memberId, epoch, "t", 0, version));
    }

    [Fact]
    public void Commit_EpochBefore_IsTakenForWhatTheMemberHasHadSinceThen()
    {
        var scene = new ConsumerScene(("t", 2));
        Member a = scene.Joined("a", "t");
        scene.SetTopic("t", 3);
        a.Beat();
        Assert.Equal(3, a.Epoch);

        Assert.Equal(ErrorCode.None, scene.Commit("a", 2, "t", 0));
        Assert.Equal(ErrorCode.StaleMemberEpoch, scene.Commit("a", 2, "t", 2));
        Assert.Equal(ErrorCode.None, scene.Commit("a", 3, "t", 2));
        Assert.Equal(ErrorCode.StaleMemberEpoch, scene.Commit("a", 1, "t", 0));
    }

    [Fact]
    public void Commit_PartitionBeingGivenUp_IsTaken()
    {
        var scene = new ConsumerScene(("t", 2));
        Member a = scene.Joined("a", "t");
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);
        string[] before = a.Owned;
        a.Beat();
        string lost = Assert.Single(before.Except(a.Owned));
        int partition = int.Parse(lost[2..], null);
        Assert.Equal(ErrorCode.None, scene.Commit("a", 2, "t", partition));

        a.Beat();
        b.Beat();

        Assert.Equal(ErrorCode.StaleMemberEpoch, scene.Commit("a", 2, "t", partition));
        Assert.Equal(ErrorCode.None, scene.Commit("b", b.Epoch, "t", partition));
    }

    [Fact]
    public void Commit_PartitionGivenUpWhileMoreIsToGo_IsRefusedWhenAnotherHasIt()
    {
        var scene = new ConsumerScene(("t", 4));
        Member a = scene.Joined("a", "t");
        Member b = scene.Joined("b", "t");
        scene.Advance(1000);
        string[] lost = [.. a.Owned.Except(a.Beat().Owned)];
        Assert.Equal(2, lost.Length);
        scene.Joined("c", "t");
        scene.Joined("d", "t");
        scene.Advance(1000);

        a.Beat();
        b.Beat();
        Assert.Equal((1, 2), (a.Owned.Length, a.Epoch));
        Assert.Empty(b.Owned);
        a.Beat();
        b.Beat();

        int taken = int.Parse(Assert.Single(b.Owned)[2..], null);
        Assert.Contains($"t/{taken}", lost);
        Assert.Equal(ErrorCode.StaleMemberEpoch, scene.Commit("a", 2, "t", taken));
        Assert.Equal(ErrorCode.None, scene.Commit("b", b.Epoch, "t", taken));
    }

    [Fact]
    public void Commit_WithoutMember_IsTakenByAnEmptyGroup()
    {
        var scene = new ConsumerScene(("t", 2));
        scene.Join("a", "t");
        scene.Leave("a");

        Assert.Equal(ErrorCode.None, scene.Commit("", -1, "t", 0));
        Assert.Equal(ErrorCode.UnknownMemberId, scene.Commit("a", 2, "t", 0));
    }

    [Theory]
    [InlineData("a", 2, ErrorCode.None)]
    [InlineData("a", 1, ErrorCode.StaleMemberEpoch)]
    [InlineData("a", 77, ErrorCode.StaleMemberEpoch)]
    [InlineData("nobody", 1, ErrorCode.UnknownMemberId)]
    [InlineData(null, -1, ErrorCode.None)]
    public void Fetch_MembersEpoch_IsChecked(string? memberId, int epoch, object expected)
    {
        var scene = new ConsumerScene(("t", 2));
        scene.Join("a", "t");

        Assert.Equal((ErrorCode)expected, scene.Fetch(memberId, epoch));
    }

    [Fact]
    public void DeleteOffsets_SubscribedTopic_IsRefused()
    {
        var scene = new ConsumerScene(("t", 2), ("u", 1));
        scene.Send(ConsumerScene.Joining("a") with { Pattern = "t.*" });

        GroupOffsetDeletion deletion = scene.Group.DeleteOffsets(
            [new GroupPartitionName { Topic = "t", Partition = 0 }, new GroupPartitionName { Topic = "u", Partition = 0 }]);

        Assert.Equal([(short)ErrorCode.GroupSubscribedToTopic, (short)0], deletion.Errors);
    }

    [Fact]
    public void Delete_GroupWithMembers_IsRefused()
    {
        var scene = new ConsumerScene(("t", 2));
        scene.Join("a", "t");
        scene.Commit("a", 2, "t", 0);
        Assert.Equal(ErrorCode.NonEmptyGroup, scene.Delete());

        scene.Leave("a");

        Assert.Equal(ErrorCode.None, scene.Delete());
        Assert.False(scene.Group.Exists);
        Assert.Equal(0, scene.LiveRecords());
    }

    [Fact]
    public void ExpireOffsets_EmptyGroup_GoesWithItsLastOffset()
    {
        var scene = new ConsumerScene(("t", 2));
        scene.Join("a", "t");
        scene.Commit("a", 2, "t", 0);
        scene.Leave("a");
        scene.ExpireOffsets();
        Assert.True(scene.Group.Exists);

        scene.Advance(scene.Settings.OffsetRetentionMs);
        scene.ExpireOffsets();

        Assert.False(scene.Group.Exists);
        Assert.Equal(0, scene.LiveRecords());
    }

    [Fact]
    public void ExpireOffsets_SubscribedTopic_IsKept()
    {
        var scene = new ConsumerScene(("t", 2));
        Member a = scene.Joined("a", "t");
        scene.Commit("a", 2, "t", 0);
        for (long passed = 0; passed <= scene.Settings.OffsetRetentionMs; passed += 40_000)
        {
            scene.Advance(40_000);
            a.Beat();
        }

        scene.ExpireOffsets();

        Assert.Equal(1, scene.Group.Offsets.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ExpireOffsets_OldCommit_IsKeptForAWholeRetentionAfterTheLastMemberLeft(bool restarts)
    {
        var scene = new ConsumerScene(("t", 2));
        Member a = scene.Joined("a", "t");
        scene.Commit("a", 2, "t", 0);
        for (long passed = 0; passed <= scene.Settings.OffsetRetentionMs; passed += 40_000)
        {
            scene.Advance(40_000);
            a.Beat();
        }

        scene.Leave("a");
        scene.Advance(scene.Settings.OffsetRetentionMs / 2);
        if (restarts)
        {
            scene.Restart();
        }

        scene.ExpireOffsets();
        Assert.Equal(1, scene.Group.Offsets.Count);

        scene.Advance(scene.Settings.OffsetRetentionMs / 2);
        scene.ExpireOffsets();
        Assert.Equal(0, scene.LiveRecords());
    }

    [Fact]
    public void Describe_ClassicApi_DoesNotKnowConsumerGroups()
    {
        var scene = new ConsumerScene(("t", 2));
        scene.Join("a", "t");

        Assert.Null(scene.Group.Describe());
    }
}
