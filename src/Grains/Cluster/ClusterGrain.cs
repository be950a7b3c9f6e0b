using System.Globalization;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Grains.Cluster;

/// <summary>What <see cref="ClusterGrain"/> keeps in grain storage.</summary>
[GenerateSerializer, Alias("kafka.ClusterState")]
public sealed class ClusterState
{
    /// <summary>The cluster's id; drawn when the first broker registers.</summary>
    [Id(0)] public string ClusterId { get; set; } = "";

    /// <summary>Grows with every change.</summary>
    [Id(1)] public long Version { get; set; }

    /// <summary>The broker epoch given last.</summary>
    [Id(2)] public long LastBrokerEpoch { get; set; }

    /// <summary>The first producer id that nobody has got.</summary>
    [Id(3)] public long NextProducerId { get; set; }

    /// <summary>Registrations by broker id.</summary>
    [Id(4)] public Dictionary<int, BrokerRegistration> Brokers { get; set; } = [];

    /// <summary>Topic ids by name: the names of the cluster's topics are exactly these.</summary>
    [Id(5)] public Dictionary<string, Guid> Topics { get; set; } = [];

    /// <summary>Dynamic settings for all brokers.</summary>
    [Id(6)] public Dictionary<string, string> ClusterConfigs { get; set; } = [];

    /// <summary>Dynamic settings by broker id.</summary>
    [Id(7)] public Dictionary<int, Dictionary<string, string>> BrokerConfigs { get; set; } = [];

    /// <summary>Settings of groups and client metrics subscriptions, by <see cref="ConfigReplacement.KeyOf"/>.</summary>
    [Id(8)] public Dictionary<string, Dictionary<string, string>> ResourceConfigs { get; set; } = [];
}

/// <summary>
/// The cluster's one record. Its turns are serial, and each change is a compare-and-swap on the stored ETag: a second
/// activation, should the directory ever allow one, fails its next write and is deactivated.
/// </summary>
[KeepAlive]
internal sealed class ClusterGrain(
    [PersistentState("cluster", GrainStateStore.Name)] IPersistentState<ClusterState> storage,
    TopicPlanner planner,
    LiveBrokers live,
    MetadataPublisher publisher,
    BrokerSettings settings,
    Random random) : Grain, IClusterGrain
{
    /// <summary>So many topics are asked for their record at once while the cluster's record is loaded.</summary>
    private const int LoadConcurrency = 256;

    private const string MinInSyncReplicas = "min.insync.replicas";

    private readonly Dictionary<string, TopicImage> _topics = new(StringComparer.Ordinal);
    private Task _stored = Task.CompletedTask;

    private ClusterState State => storage.State;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        foreach (KeyValuePair<string, Guid>[] chunk in State.Topics.Chunk(LoadConcurrency))
        {
            TopicImage?[] images = await Task.WhenAll(
                chunk.Select(entry => GrainFactory.GetGrain<ITopicGrain>(entry.Key).GetAsync(entry.Value)));
            foreach (TopicImage? image in images)
            {
                if (image is not null)
                {
                    _topics.Add(image.Name, image);
                }
            }
        }
    }

    public async Task<ClusterSnapshot> JoinAsync(BroughtDirectory? directory)
    {
        if (State.ClusterId.Length == 0)
        {
            State.ClusterId = directory?.ClusterId ?? KafkaUuid.Create(random).ToString();
            foreach (TopicImage topic in directory is null ? [] : BroughtTopics.Of(directory, State.Version + 1))
            {
                await GrainFactory.GetGrain<ITopicGrain>(topic.Name).CreateAsync(topic);
                State.Topics[topic.Name] = topic.Id;
                _topics[topic.Name] = topic;
            }

            // Kafka gives every new cluster this default, so that all brokers agree on it (KIP-966).
            State.ClusterConfigs[MinInSyncReplicas] = settings.MinInSyncReplicas.ToString(CultureInfo.InvariantCulture);
            await StoreAsync();
        }

        return Snapshot();
    }

    public async Task<BrokerRegistration> RegisterBrokerAsync(BrokerRegistration registration)
    {
        BrokerRegistration registered = registration with { BrokerEpoch = ++State.LastBrokerEpoch };
        State.Brokers[registration.BrokerId] = registered;
        await StoreAsync();
        await publisher.PublishAsync(new MetadataChange { Version = State.Version, Broker = registered });
        return registered;
    }

    public async Task<ClusterSnapshot?> GetSnapshotAsync(long knownVersion)
    {
        // It runs between the turns of a change. What is not stored yet may never be: nobody must see it.
        Task stored;
        do
        {
            await (stored = _stored);
        }
        while (stored != _stored);

        return knownVersion == State.Version ? null : Snapshot();
    }

    public async Task<TopicOutcome> CreateTopicAsync(TopicToCreate topic)
    {
        (TopicImage? image, TopicOutcome? refusal) =
            planner.Plan(topic, State.Topics.Keys, live.Ids, State.Version + 1);
        if (image is null)
        {
            return refusal!;
        }

        if (topic.ValidateOnly)
        {
            return TopicOutcome.Done(image);
        }

        // The topic's own record comes first: until its name is stored here, nobody will ask for it.
        await GrainFactory.GetGrain<ITopicGrain>(image.Name).CreateAsync(image);
        State.Topics.Add(image.Name, image.Id);
        _topics[image.Name] = image;
        await StoreAsync();
        await publisher.PublishAsync(new MetadataChange { Version = State.Version, Topic = image });
        return TopicOutcome.Done(image);
    }

    public async Task<TopicOutcome> DeleteTopicAsync(string name, Guid id)
    {
        if (!State.Topics.TryGetValue(name, out Guid known))
        {
            return TopicOutcome.Of(
                ErrorCode.UnknownTopicOrPartition, "This server does not host this topic-partition.");
        }

        if (id != Guid.Empty && id != known)
        {
            return TopicOutcome.Of(ErrorCode.UnknownTopicId, "This server does not host this topic ID.");
        }

        // The name goes first: from then on the topic is gone, whatever happens to its record and files.
        State.Topics.Remove(name);
        _topics.Remove(name);
        await StoreAsync();
        await GrainFactory.GetGrain<ITopicGrain>(name).DeleteAsync(known);
        await publisher.PublishAsync(new MetadataChange { Version = State.Version, DeletedTopic = known });
        return TopicOutcome.Done(null);
    }

    public async Task<TopicOutcome> CreatePartitionsAsync(PartitionsToAdd partitions)
    {
        if (!_topics.TryGetValue(partitions.Topic, out TopicImage? topic))
        {
            return TopicOutcome.Of(ErrorCode.UnknownTopicOrPartition, null);
        }

        (PartitionImage[]? added, TopicOutcome? refusal) = planner.PlanGrowth(topic, partitions, live.Ids);
        if (added is null)
        {
            return refusal!;
        }

        if (partitions.ValidateOnly)
        {
            return TopicOutcome.Done(topic);
        }

        topic = await GrainFactory.GetGrain<ITopicGrain>(topic.Name).AddPartitionsAsync(topic.Id, added);
        return await PublishTopicAsync(topic);
    }

    public Task<TopicOutcome> ChangeConfigsAsync(ConfigReplacement change) =>
        (ConfigResourceType)change.ResourceType switch
        {
            ConfigResourceType.Topic => ChangeTopicConfigsAsync(change),
            ConfigResourceType.Broker => ChangeBrokerConfigsAsync(change),
            _ => ChangeResourceConfigsAsync(change),
        };

    public async Task<long> AllocateProducerIdsAsync(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        long first = State.NextProducerId;
        State.NextProducerId += count;
        await (_stored = WriteAsync());
        return first;
    }

    private async Task<TopicOutcome> ChangeTopicConfigsAsync(ConfigReplacement change)
    {
        if (!_topics.TryGetValue(change.Name, out TopicImage? topic))
        {
            return TopicOutcome.Of(
                ErrorCode.UnknownTopicOrPartition, "This server does not host this topic-partition.");
        }

        if (!Same(topic.Configs, change.Expected))
        {
            return Changed();
        }

        topic = await GrainFactory.GetGrain<ITopicGrain>(topic.Name).ReplaceConfigsAsync(topic.Id, change.Configs);
        return await PublishTopicAsync(topic);
    }

    private async Task<TopicOutcome> ChangeBrokerConfigsAsync(ConfigReplacement change)
    {
        if (change.Name.Length == 0)
        {
            if (!Same(State.ClusterConfigs, change.Expected))
            {
                return Changed();
            }

            State.ClusterConfigs = new(change.Configs);
        }
        else
        {
            int brokerId = int.Parse(change.Name, CultureInfo.InvariantCulture);
            if (!Same(State.BrokerConfigs.GetValueOrDefault(brokerId, []), change.Expected))
            {
                return Changed();
            }

            State.BrokerConfigs[brokerId] = new(change.Configs);
        }

        await StoreAsync();
        await publisher.PublishAsync(new MetadataChange
        {
            Version = State.Version,
            ClusterConfigs = new(State.ClusterConfigs),
            BrokerConfigs = Copy(State.BrokerConfigs),
        });
        return TopicOutcome.Done(null);
    }

    private async Task<TopicOutcome> ChangeResourceConfigsAsync(ConfigReplacement change)
    {
        string key = ConfigReplacement.KeyOf(change.ResourceType, change.Name);
        if (!Same(State.ResourceConfigs.GetValueOrDefault(key, []), change.Expected))
        {
            return Changed();
        }

        if (change.Configs.Count == 0)
        {
            State.ResourceConfigs.Remove(key);
        }
        else
        {
            State.ResourceConfigs[key] = new(change.Configs);
        }

        await StoreAsync();
        await publisher.PublishAsync(
            new MetadataChange { Version = State.Version, ResourceConfigs = Copy(State.ResourceConfigs) });
        return TopicOutcome.Done(null);
    }

    private ClusterSnapshot Snapshot() => new()
    {
        ClusterId = State.ClusterId,
        Version = State.Version,
        Brokers = [.. State.Brokers.Values],
        Topics = [.. _topics.Values],
        ClusterConfigs = new(State.ClusterConfigs),
        BrokerConfigs = Copy(State.BrokerConfigs),
        ResourceConfigs = Copy(State.ResourceConfigs),
    };

    private async Task<TopicOutcome> PublishTopicAsync(TopicImage topic)
    {
        _topics[topic.Name] = topic;
        await StoreAsync();
        await publisher.PublishAsync(new MetadataChange { Version = State.Version, Topic = topic });
        return TopicOutcome.Done(topic);
    }

    /// <summary>
    /// Stores a change that the brokers are to hear of. The change itself and this call lie in one turn, without an await in
    /// between.
    /// </summary>
    private Task StoreAsync()
    {
        State.Version++;
        return _stored = WriteAsync();
    }

    private async Task WriteAsync()
    {
        try
        {
            await storage.WriteStateAsync();
        }
        catch
        {
            // What is in memory is not what is stored: the next activation reads what is.
            DeactivateOnIdle();
            throw;
        }
    }

    private static Dictionary<TKey, Dictionary<string, string>> Copy<TKey>(
        Dictionary<TKey, Dictionary<string, string>> configs)
        where TKey : notnull =>
        configs.ToDictionary(entry => entry.Key, entry => new Dictionary<string, string>(entry.Value));

    private static TopicOutcome Changed() => new()
    {
        Error = (short)ErrorCode.InvalidRequest,
        Message = "The settings were changed by somebody else meanwhile; try again.",
        IsConflict = true,
    };

    private static bool Same(Dictionary<string, string> left, Dictionary<string, string> right) =>
        left.Count == right.Count && left.All(entry => right.TryGetValue(entry.Key, out string? value) && value == entry.Value);
}
