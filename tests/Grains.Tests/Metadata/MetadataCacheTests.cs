using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;

namespace Orleans.Kafka.Grains.Tests.Metadata;

public sealed class MetadataCacheTests
{
    private readonly MetadataCache _cache = new();

    [Fact]
    public void Apply_OfAnOlderTopicImage_ChangesNothing()
    {
        Guid id = Id(1);
        _cache.Apply(Changed(5, Topic("t", id, version: 5, partitions: 3)));

        _cache.Apply(Changed(4, Topic("t", id, version: 4, partitions: 1)));

        Assert.Equal(3, _cache.Current.Topics["t"].Partitions.Length);
        Assert.Equal(5, _cache.Current.Version);
    }

    [Fact]
    public void Apply_OfADeletedTopicThatArrivesLate_DoesNotBringItBack()
    {
        Guid id = Id(1);
        _cache.Apply(new MetadataChange { Version = 6, DeletedTopic = id });

        _cache.Apply(Changed(5, Topic("t", id, version: 5, partitions: 1)));

        Assert.Empty(_cache.Current.Topics);
        Assert.Empty(_cache.Current.TopicsById);
    }

    [Fact]
    public void Apply_OfATopicMadeAgain_ReplacesTheOldId()
    {
        _cache.Apply(Changed(1, Topic("t", Id(1), version: 1, partitions: 1)));

        _cache.Apply(Changed(3, Topic("t", Id(2), version: 3, partitions: 1)));

        Assert.Equal(Id(2), _cache.Current.Topics["t"].Id);
        Assert.False(_cache.Current.TopicsById.ContainsKey(Id(1)));
    }

    [Fact]
    public void Apply_OfDeletionsAndImagesInAnyOrder_EndsAlike()
    {
        MetadataChange[] changes =
        [
            Changed(1, Topic("a", Id(1), 1, 1)),
            Changed(2, Topic("b", Id(2), 2, 1)),
            Changed(3, Topic("a", Id(1), 3, 2)),
            new() { Version = 4, DeletedTopic = Id(2) },
            Changed(5, Topic("b", Id(3), 5, 4)),
        ];
        var random = new Random(11);
        for (int round = 0; round < 100; round++)
        {
            var cache = new MetadataCache();
            MetadataChange[] shuffled = [.. changes];
            random.Shuffle(shuffled);
            foreach (MetadataChange change in shuffled)
            {
                cache.Apply(change);
            }

            Assert.Equal(5, cache.Current.Version);
            Assert.Equal(2, cache.Current.Topics["a"].Partitions.Length);
            Assert.Equal(Id(3), cache.Current.Topics["b"].Id);
            Assert.Equal(2, cache.Current.TopicsById.Count);
        }
    }

    [Fact]
    public void Reset_WithAnOlderSnapshot_IsIgnored()
    {
        _cache.Apply(Changed(5, Topic("t", Id(1), version: 5, partitions: 1)));

        _cache.Reset(Snapshot(4));

        Assert.Single(_cache.Current.Topics);
    }

    [Fact]
    public void CompleteVersion_AfterAMissedChange_StaysBeforeItUntilASnapshotComes()
    {
        _cache.Apply(Changed(1, Topic("a", Id(1), version: 1, partitions: 1)));
        _cache.Apply(Changed(3, Topic("c", Id(3), version: 3, partitions: 1)));
        Assert.Equal(3, _cache.Current.Version);
        Assert.Equal(1, _cache.CompleteVersion);

        _cache.Reset(Snapshot(3, Topic("a", Id(1), 1, 1), Topic("b", Id(2), 2, 1), Topic("c", Id(3), 3, 1)));

        Assert.Equal(3, _cache.CompleteVersion);
        Assert.Equal(3, _cache.Current.Topics.Count);
    }

    [Fact]
    public void CompleteVersion_OfChangesInOrder_IsThatOfTheLast()
    {
        _cache.Reset(Snapshot(7));
        _cache.Apply(Changed(8, Topic("a", Id(1), version: 8, partitions: 1)));
        _cache.Apply(Changed(9, Topic("b", Id(2), version: 9, partitions: 1)));
        _cache.Apply(Changed(9, Topic("b", Id(2), version: 9, partitions: 1)));

        Assert.Equal(9, _cache.CompleteVersion);
    }

    private static ClusterSnapshot Snapshot(long version, params TopicImage[] topics) => new()
    {
        ClusterId = "x",
        Version = version,
        Brokers = [],
        Topics = topics,
        ClusterConfigs = [],
        BrokerConfigs = [],
        ResourceConfigs = [],
    };

    private static Guid Id(byte number) => new(number, 0, 0, new byte[8]);

    private static MetadataChange Changed(long version, TopicImage topic) => new() { Version = version, Topic = topic };

    private static TopicImage Topic(string name, Guid id, long version, int partitions) => new()
    {
        Name = name,
        Id = id,
        Version = version,
        Configs = [],
        Partitions = [.. Enumerable.Range(0, partitions).Select(partition => new PartitionImage
        {
            Partition = partition,
            Replicas = [1],
            InSyncReplicas = [1],
            Leader = 1,
            LeaderEpoch = 0,
            PartitionEpoch = 0,
        })],
    };
}
