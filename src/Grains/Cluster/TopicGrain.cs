using Orleans.Placement;

namespace Orleans.Kafka.Grains.Cluster;

/// <summary>What <see cref="TopicGrain"/> keeps in grain storage.</summary>
[GenerateSerializer, Alias("kafka.TopicState")]
public sealed class TopicState
{
    /// <summary>The topic; null when there is none of this name.</summary>
    [Id(0)] public TopicImage? Topic { get; set; }
}

/// <summary>
/// One topic's record. Every answer is durable before it is given. Lives beside the cluster's grain, which alone calls it: no
/// third silo must be up for the two.
/// </summary>
[PreferLocalPlacement]
internal sealed class TopicGrain(
    [PersistentState("topic", GrainStateStore.Name)] IPersistentState<TopicState> storage) : Grain, ITopicGrain
{
    public Task<TopicImage?> GetAsync(Guid id) =>
        Task.FromResult(storage.State.Topic is { } topic && topic.Id == id ? topic : null);

    public Task CreateAsync(TopicImage topic)
    {
        storage.State.Topic = topic;
        return storage.WriteStateAsync();
    }

    public Task<TopicImage> AddPartitionsAsync(Guid id, PartitionImage[] partitions)
    {
        TopicImage topic = Require(id);
        if (topic.Partitions.Length != partitions[0].Partition)
        {
            throw new InvalidOperationException(
                $"topic {topic.Name} has {topic.Partitions.Length} partitions; {partitions[0].Partition} cannot be next");
        }

        return StoreAsync(topic with
        {
            Version = topic.Version + 1,
            Partitions = [.. topic.Partitions, .. partitions],
        });
    }

    public Task<TopicImage> ReplaceConfigsAsync(Guid id, Dictionary<string, string> configs)
    {
        TopicImage topic = Require(id);
        return StoreAsync(topic with { Version = topic.Version + 1, Configs = configs });
    }

    public async Task DeleteAsync(Guid id)
    {
        if (storage.State.Topic?.Id == id)
        {
            await storage.ClearStateAsync();
            DeactivateOnIdle();
        }
    }

    private TopicImage Require(Guid id) =>
        storage.State.Topic is { } topic && topic.Id == id
            ? topic
            : throw new InvalidOperationException($"there is no topic {this.GetPrimaryKeyString()} with id {id}");

    private async Task<TopicImage> StoreAsync(TopicImage topic)
    {
        storage.State.Topic = topic;
        await storage.WriteStateAsync();
        return topic;
    }
}
