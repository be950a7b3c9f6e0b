using Orleans.Concurrency;

namespace Orleans.Kafka.Grains.Cluster;

/// <summary>The address of one listener of a broker, as clients are told it.</summary>
[GenerateSerializer, Immutable, Alias("kafka.AdvertisedListener")]
public sealed record AdvertisedListener
{
    /// <summary>The listener's name, e.g. <c>PLAINTEXT</c>.</summary>
    [Id(0)] public required string Listener { get; init; }

    /// <summary>The host of <c>advertised.listeners</c>.</summary>
    [Id(1)] public required string Host { get; init; }

    /// <summary>The TCP port; never 0, a port chosen by the system is known by then.</summary>
    [Id(2)] public required int Port { get; init; }
}

/// <summary>What a broker says of itself when it joins the cluster.</summary>
[GenerateSerializer, Immutable, Alias("kafka.BrokerRegistration")]
public sealed record BrokerRegistration
{
    /// <summary>The broker's <c>node.id</c>.</summary>
    [Id(0)] public required int BrokerId { get; init; }

    /// <summary>One address for each listener.</summary>
    [Id(1)] public required AdvertisedListener[] Listeners { get; init; }

    /// <summary>The setting <c>broker.rack</c>, or null.</summary>
    [Id(2)] public string? Rack { get; init; }

    /// <summary>
    /// The registration's number: grows with every start of any broker, so that an older incarnation can be told
    /// from a newer one (KIP-903). 0 until the cluster has given it.
    /// </summary>
    [Id(3)] public long BrokerEpoch { get; init; }

    /// <summary>The address for clients of a listener, or null when this broker has no listener of that name.</summary>
    public AdvertisedListener? AddressOn(string listener)
    {
        foreach (AdvertisedListener address in Listeners)
        {
            if (address.Listener == listener)
            {
                return address;
            }
        }

        return null;
    }
}

/// <summary>One partition as the cluster knows it.</summary>
[GenerateSerializer, Immutable, Alias("kafka.PartitionImage")]
public sealed record PartitionImage
{
    /// <summary>The partition's number, counted from 0.</summary>
    [Id(0)] public required int Partition { get; init; }

    /// <summary>The brokers that hold a replica; the first is the preferred leader.</summary>
    [Id(1)] public required int[] Replicas { get; init; }

    /// <summary>The brokers whose replica is in sync.</summary>
    [Id(2)] public required int[] InSyncReplicas { get; init; }

    /// <summary>The leader's broker id, or -1.</summary>
    [Id(3)] public required int Leader { get; init; }

    /// <summary>Grows by one with each election; stamped into every batch.</summary>
    [Id(4)] public required int LeaderEpoch { get; init; }

    /// <summary>Grows by one with each change of this record: the optimistic lock of KIP-497.</summary>
    [Id(5)] public required int PartitionEpoch { get; init; }
}

/// <summary>One topic as the cluster knows it: what every broker's <c>MetadataCache</c> holds.</summary>
[GenerateSerializer, Immutable, Alias("kafka.TopicImage")]
public sealed record TopicImage
{
    /// <summary>The topic's name.</summary>
    [Id(0)] public required string Name { get; init; }

    /// <summary>The topic's id; a topic made again under the same name gets another.</summary>
    [Id(1)] public required Guid Id { get; init; }

    /// <summary>Grows with each change of the topic; an image never replaces a newer one.</summary>
    [Id(2)] public required long Version { get; init; }

    /// <summary>The partitions, in order of their number.</summary>
    [Id(3)] public required PartitionImage[] Partitions { get; init; }

    /// <summary>The settings that were set on the topic itself.</summary>
    [Id(4)] public required Dictionary<string, string> Configs { get; init; }
}

/// <summary>All that a broker needs to know of the cluster, at one version.</summary>
[GenerateSerializer, Immutable, Alias("kafka.ClusterSnapshot")]
public sealed record ClusterSnapshot
{
    /// <summary>The cluster's id, as clients see it.</summary>
    [Id(0)] public required string ClusterId { get; init; }

    /// <summary>Grows with every change of cluster, brokers or topics.</summary>
    [Id(1)] public required long Version { get; init; }

    /// <summary>Every broker that ever registered; who is alive is the membership's to say.</summary>
    [Id(2)] public required BrokerRegistration[] Brokers { get; init; }

    /// <summary>All topics.</summary>
    [Id(3)] public required TopicImage[] Topics { get; init; }

    /// <summary>Dynamic broker settings that hold for the whole cluster.</summary>
    [Id(4)] public required Dictionary<string, string> ClusterConfigs { get; init; }

    /// <summary>Dynamic broker settings by broker id.</summary>
    [Id(5)] public required Dictionary<int, Dictionary<string, string>> BrokerConfigs { get; init; }

    /// <summary>Settings of groups and client metrics subscriptions, by <see cref="ConfigReplacement.KeyOf"/>.</summary>
    [Id(6)] public required Dictionary<string, Dictionary<string, string>> ResourceConfigs { get; init; }
}

/// <summary>A log directory that the first broker of a cluster brings along, perhaps from Apache Kafka.</summary>
[GenerateSerializer, Immutable, Alias("kafka.BroughtDirectory")]
public sealed record BroughtDirectory
{
    /// <summary>The cluster that it belongs to, by its <c>meta.properties</c>.</summary>
    [Id(0)] public required string ClusterId { get; init; }

    /// <summary>Who brings it.</summary>
    [Id(1)] public required int BrokerId { get; init; }

    /// <summary>The partitions in it that say which topic they are of.</summary>
    [Id(2)] public required BroughtPartition[] Partitions { get; init; }
}

/// <summary>A partition in a log directory.</summary>
[GenerateSerializer, Immutable, Alias("kafka.BroughtPartition")]
public sealed record BroughtPartition
{
    /// <summary>The topic's name.</summary>
    [Id(0)] public required string Topic { get; init; }

    /// <summary>The topic's id.</summary>
    [Id(1)] public required Guid TopicId { get; init; }

    /// <summary>The partition.</summary>
    [Id(2)] public required int Partition { get; init; }

    /// <summary>The last leader epoch in it; -1 for none.</summary>
    [Id(3)] public required int LatestLeaderEpoch { get; init; }
}

/// <summary>A topic to be made.</summary>
[GenerateSerializer, Immutable, Alias("kafka.TopicToCreate")]
public sealed record TopicToCreate
{
    /// <summary>The name; must be legal for a topic.</summary>
    [Id(0)] public required string Name { get; init; }

    /// <summary>Number of partitions, or -1 for the broker's default.</summary>
    [Id(1)] public required int Partitions { get; init; }

    /// <summary>Replicas of each partition, or -1 for the broker's default.</summary>
    [Id(2)] public required short ReplicationFactor { get; init; }

    /// <summary>The replicas by partition when the caller assigns them; else null.</summary>
    [Id(3)] public Dictionary<int, int[]>? Assignments { get; init; }

    /// <summary>The topic's own settings.</summary>
    [Id(4)] public required Dictionary<string, string?> Configs { get; init; }

    /// <summary>True to check only.</summary>
    [Id(5)] public bool ValidateOnly { get; init; }
}

/// <summary>More partitions for a topic.</summary>
[GenerateSerializer, Immutable, Alias("kafka.PartitionsToAdd")]
public sealed record PartitionsToAdd
{
    /// <summary>The topic.</summary>
    [Id(0)] public required string Topic { get; init; }

    /// <summary>The number of partitions afterwards.</summary>
    [Id(1)] public required int TotalCount { get; init; }

    /// <summary>The replicas of each new partition when the caller assigns them; else null.</summary>
    [Id(2)] public int[][]? Assignments { get; init; }

    /// <summary>True to check only.</summary>
    [Id(3)] public bool ValidateOnly { get; init; }
}

/// <summary>How an operation on a topic ended.</summary>
[GenerateSerializer, Immutable, Alias("kafka.TopicOutcome")]
public sealed record TopicOutcome
{
    /// <summary>Kafka's error code; 0 for success.</summary>
    [Id(0)] public required short Error { get; init; }

    /// <summary>A sentence for people, or null.</summary>
    [Id(1)] public string? Message { get; init; }

    /// <summary>The topic afterwards; null after an error or a deletion.</summary>
    [Id(2)] public TopicImage? Topic { get; init; }

    /// <summary>True when what the caller saw is no more: with a newer view the same change may pass.</summary>
    [Id(3)] public bool IsConflict { get; init; }

    /// <summary>A refusal.</summary>
    public static TopicOutcome Of(ErrorCode error, string? message) =>
        new() { Error = (short)error, Message = message };

    /// <summary>A success.</summary>
    public static TopicOutcome Done(TopicImage? topic) => new() { Error = 0, Topic = topic };
}

/// <summary>New settings for a topic, a broker, all brokers, a group, or a client metrics subscription.</summary>
[GenerateSerializer, Immutable, Alias("kafka.ConfigReplacement")]
public sealed record ConfigReplacement
{
    /// <summary>What they belong to: a <see cref="Configs.ConfigResourceType"/>.</summary>
    [Id(0)] public required sbyte ResourceType { get; init; }

    /// <summary>The name of the topic, group or subscription, the broker's id, or empty for all brokers.</summary>
    [Id(1)] public required string Name { get; init; }

    /// <summary>The overrides, complete, as they are to be.</summary>
    [Id(2)] public required Dictionary<string, string> Configs { get; init; }

    /// <summary>The overrides that the caller saw; the change is refused when they are others by now.</summary>
    [Id(3)] public required Dictionary<string, string> Expected { get; init; }

    /// <summary>The key of a group or subscription among <see cref="ClusterSnapshot.ResourceConfigs"/>.</summary>
    public static string KeyOf(sbyte resourceType, string name) => $"{resourceType}:{name}";
}

/// <summary>
/// The cluster's one record: brokers, topic names, producer ids and dynamic settings. Key: <c>cluster</c>.
/// Every answer is durable in grain storage before it is given.
/// </summary>
[Alias("kafka.IClusterGrain")]
public interface IClusterGrain : IGrainWithStringKey
{
    /// <summary>
    /// The cluster's state for a broker that starts. The first broker ever gives the cluster its id and its topics: those
    /// of the log directory it brings, or a new id and no topics for null.
    /// </summary>
    [Alias("Join")]
    Task<ClusterSnapshot> JoinAsync(BroughtDirectory? directory);

    /// <summary>Registers a starting broker under a new broker epoch, and answers with it.</summary>
    [Alias("RegisterBroker")]
    Task<BrokerRegistration> RegisterBrokerAsync(BrokerRegistration registration);

    /// <summary>The cluster's state, or null when its version is still <paramref name="knownVersion"/>.</summary>
    [Alias("GetSnapshot"), AlwaysInterleave]
    Task<ClusterSnapshot?> GetSnapshotAsync(long knownVersion);

    /// <summary>Makes a topic. Answers when all of its replicas serve.</summary>
    [Alias("CreateTopic")]
    Task<TopicOutcome> CreateTopicAsync(TopicToCreate topic);

    /// <summary>Deletes the topic with this name and id; an empty id stands for whichever has the name.</summary>
    [Alias("DeleteTopic")]
    Task<TopicOutcome> DeleteTopicAsync(string name, Guid id);

    /// <summary>Adds partitions to a topic. Answers when all new replicas serve.</summary>
    [Alias("CreatePartitions")]
    Task<TopicOutcome> CreatePartitionsAsync(PartitionsToAdd partitions);

    /// <summary>Replaces the overrides of a topic or of brokers. Answers when every live broker applies them.</summary>
    [Alias("ChangeConfigs")]
    Task<TopicOutcome> ChangeConfigsAsync(ConfigReplacement change);

    /// <summary>The first id of a block of <paramref name="count"/> producer ids that nobody else gets.</summary>
    [Alias("AllocateProducerIds")]
    Task<long> AllocateProducerIdsAsync(int count);
}

/// <summary>One topic's record and the controller of its partitions. Key: the topic's name.</summary>
[Alias("kafka.ITopicGrain")]
public interface ITopicGrain : IGrainWithStringKey
{
    /// <summary>The topic, or null when there is none of this name with this id.</summary>
    [Alias("Get")]
    Task<TopicImage?> GetAsync(Guid id);

    /// <summary>Stores the topic under its first version. A record left behind by an earlier topic is replaced.</summary>
    [Alias("Create")]
    Task CreateAsync(TopicImage topic);

    /// <summary>Adds partitions, and answers with the topic as it is then.</summary>
    [Alias("AddPartitions")]
    Task<TopicImage> AddPartitionsAsync(Guid id, PartitionImage[] partitions);

    /// <summary>Replaces the topic's own settings, and answers with the topic as it is then.</summary>
    [Alias("ReplaceConfigs")]
    Task<TopicImage> ReplaceConfigsAsync(Guid id, Dictionary<string, string> configs);

    /// <summary>Forgets the topic with this id.</summary>
    [Alias("Delete")]
    Task DeleteAsync(Guid id);
}

/// <summary>A change that every broker must hear of.</summary>
[GenerateSerializer, Immutable, Alias("kafka.MetadataChange")]
public sealed record MetadataChange
{
    /// <summary>The cluster's version after the change.</summary>
    [Id(0)] public required long Version { get; init; }

    /// <summary>The topic that is new or different; null when the change is another.</summary>
    [Id(1)] public TopicImage? Topic { get; init; }

    /// <summary>The id of a topic that is gone.</summary>
    [Id(2)] public Guid? DeletedTopic { get; init; }

    /// <summary>A broker that registered.</summary>
    [Id(3)] public BrokerRegistration? Broker { get; init; }

    /// <summary>The dynamic defaults for all brokers, when they changed.</summary>
    [Id(4)] public Dictionary<string, string>? ClusterConfigs { get; init; }

    /// <summary>The dynamic settings by broker, when they changed.</summary>
    [Id(5)] public Dictionary<int, Dictionary<string, string>>? BrokerConfigs { get; init; }

    /// <summary>The settings of groups and client metrics subscriptions, when they changed.</summary>
    [Id(6)] public Dictionary<string, Dictionary<string, string>>? ResourceConfigs { get; init; }
}
