using Orleans.Kafka.Grains.Groups;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>Commits, and what becomes of them in time.</summary>
public sealed class OffsetTests
{
    private const long RetentionMs = 7L * 24 * 60 * 60 * 1000;

    [Fact]
    public void Commit_WithMetadataAtTheLimit_IsTakenAndOneMoreIsNot()
    {
        var scene = new ClassicScene();

        Assert.Equal(ErrorCode.None, scene.Commit("", -1, 1, metadata: new string('x', 4096)));
        Assert.Equal(ErrorCode.OffsetMetadataTooLarge, scene.Commit("", -1, 2, metadata: new string('x', 4097)));
        Assert.Equal(1, scene.Offset());
    }

    [Theory]
    [InlineData(8, ErrorCode.IllegalGeneration)]
    [InlineData(9, ErrorCode.GroupIdNotFound)]
    public void Commit_WithAGenerationIntoNoGroup_IsRefusedByVersion(short version, ErrorCode error) =>
        Assert.Equal(error, new ClassicScene().Commit("member", 1, version: version));

    [Fact]
    public void Commit_ByAStranger_IsRefused()
    {
        var scene = new ClassicScene();
        scene.Alone();

        Assert.Equal(ErrorCode.UnknownMemberId, scene.Commit("stranger", 1));
        Assert.Equal(-1, scene.Offset());
    }

    [Fact]
    public void Commit_Taken_OutlivesTheCoordinator()
    {
        var scene = new ClassicScene();
        string member = scene.Alone();
        scene.Commit(member, 1, 1);
        scene.Commit(member, 1, 2);

        scene.Reload();

        Assert.Equal(2, scene.Offset());
    }

    [Fact]
    public void Fetch_OfAnotherTopicOfTheName_FindsNothing()
    {
        var scene = new ClassicScene();
        var first = Guid.NewGuid();
        scene.Commit("", -1, 1, topicId: first);
        scene.Commit("", -1, 2, topic: "old");

        scene.Reload();

        Assert.Equal(1, scene.Offset(topicId: first));
        Assert.Equal(1, scene.Offset());
        Assert.Equal(-1, scene.Offset(topicId: Guid.NewGuid()));
        Assert.Equal(2, scene.Offset("old", Guid.NewGuid()));
    }

    [Fact]
    public void DeleteOffset_OfASubscribedTopic_IsRefused()
    {
        var scene = new ClassicScene();
        string member = scene.Alone();
        scene.Commit(member, 1, 5);
        scene.Commit(member, 1, 6, topic: "other");

        Assert.Equal([(short)ErrorCode.GroupSubscribedToTopic], scene.DeleteOffset("t").Errors);
        Assert.Equal([(short)ErrorCode.None], scene.DeleteOffset("other").Errors);
        Assert.Equal((5L, -1L), (scene.Offset(), scene.Offset("other")));
    }

    [Fact]
    public void DeleteOffset_OfNoGroup_FindsNone() =>
        Assert.Equal((short)ErrorCode.GroupIdNotFound, new ClassicScene().DeleteOffset("t").Error);

    [Fact]
    public void Offsets_OfAGroupWithoutMembers_AreKeptForTheRetentionFromWhenItBecameEmpty()
    {
        var scene = new ClassicScene();
        string member = scene.Alone();
        scene.Commit(member, 1, 5);
        for (int day = 0; day < 10; day++)
        {
            PassHeartbeating(scene, member, 24 * 60 * 60 * 1000L);
            scene.ExpireOffsets();
        }

        scene.Leave(member);
        scene.Pass(RetentionMs - 1);
        scene.ExpireOffsets();
        Assert.Equal(5, scene.Offset());
        scene.Pass(1);
        scene.ExpireOffsets();

        Assert.Equal((-1L, GroupState.Dead), (scene.Offset(), scene.Group.State));
        scene.Reload();
        Assert.False(scene.Group.Exists);
    }

    [Fact]
    public void Offsets_OfTopicsThatNobodyReadsAnyMore_ExpireFromTheirCommit()
    {
        var scene = new ClassicScene();
        string member = scene.Alone();
        scene.Commit(member, 1, 5);
        scene.Commit(member, 1, 6, topic: "former");

        PassHeartbeating(scene, member, RetentionMs);
        scene.ExpireOffsets();

        Assert.Equal((5L, -1L), (scene.Offset(), scene.Offset("former")));
        Assert.Equal(GroupState.Stable, scene.Group.State);
    }

    [Fact]
    public void Offsets_CommittedWithoutAGroup_ExpireFromTheirCommit()
    {
        var scene = new ClassicScene();
        scene.Commit("", -1, 5);
        scene.Pass(RetentionMs - 1);
        scene.ExpireOffsets();
        Assert.Equal(5, scene.Offset());

        scene.Pass(1);
        scene.ExpireOffsets();

        Assert.Equal(-1, scene.Offset());
        Assert.True(scene.Group.IsIdle);
    }

    [Fact]
    public void Offset_CommittedWithARetentionOfItsOwn_ExpiresThen()
    {
        var scene = new ClassicScene();
        scene.Commit("", -1, 5, version: 4, retentionMs: 1_000);

        scene.Pass(999);
        scene.ExpireOffsets();
        Assert.Equal(5, scene.Offset());
        scene.Pass(1);
        scene.ExpireOffsets();

        Assert.Equal(-1, scene.Offset());
    }

    private static void PassHeartbeating(ClassicScene scene, string member, long ms)
    {
        for (long passed = 0; passed < ms; passed += ClassicScene.SessionMs / 2)
        {
            scene.Pass(Math.Min(ClassicScene.SessionMs / 2, ms - passed));
            scene.Heartbeat(member, 1);
        }
    }
}
