using System.Collections.Immutable;
using Orleans.Kafka.Grains.Cluster;

namespace Orleans.Kafka.Grains.Metadata;

/// <summary>
/// The cluster at one version, never changed once published: a request takes it once and sees one state throughout.
/// </summary>
public sealed record MetadataImage
{
    /// <summary>The state before the first snapshot arrived.</summary>
    public static MetadataImage Empty { get; } = new();

    /// <summary>The cluster's id; empty before the first snapshot.</summary>
    public string ClusterId { get; init; } = "";

    /// <summary>The cluster version this image is of.</summary>
    public long Version { get; init; }

    /// <summary>Every registered broker, alive or not.</summary>
    public ImmutableDictionary<int, BrokerRegistration> Brokers { get; init; } =
        ImmutableDictionary<int, BrokerRegistration>.Empty;

    /// <summary>All topics by name.</summary>
    public ImmutableDictionary<string, TopicImage> Topics { get; init; } =
        ImmutableDictionary.Create<string, TopicImage>(StringComparer.Ordinal);

    /// <summary>All topics by id.</summary>
    public ImmutableDictionary<Guid, TopicImage> TopicsById { get; init; } =
        ImmutableDictionary<Guid, TopicImage>.Empty;

    /// <summary>Dynamic broker settings for all brokers.</summary>
    public IReadOnlyDictionary<string, string> ClusterConfigs { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Dynamic broker settings by broker.</summary>
    public IReadOnlyDictionary<int, Dictionary<string, string>> BrokerConfigs { get; init; } =
        ImmutableDictionary<int, Dictionary<string, string>>.Empty;

    /// <summary>Settings of groups and client metrics subscriptions, by <see cref="ConfigReplacement.KeyOf"/>.</summary>
    public IReadOnlyDictionary<string, Dictionary<string, string>> ResourceConfigs { get; init; } =
        ImmutableDictionary<string, Dictionary<string, string>>.Empty;
}

/// <summary>
/// What this silo knows of the cluster, for requests to read without a grain call. Changes are pushed by the
/// cluster's grains and may arrive late, twice or out of order: only a newer version of a topic replaces an older.
/// </summary>
public sealed class MetadataCache
{
    /// <summary>So many deleted topics are remembered, lest a late push bring one back.</summary>
    private const int DeletedTopicsMax = 10_000;

    private readonly Lock _writers = new();
    private readonly HashSet<Guid> _deleted = [];
    private readonly Queue<Guid> _deletedInOrder = new();
    private MetadataImage _image = MetadataImage.Empty;
    private long _completeVersion;

    /// <summary>
    /// A topic is gone: raised after <see cref="Current"/> no longer has it, on the thread that brought the news.
    /// </summary>
    public event Action<TopicImage>? TopicDeleted;

    /// <summary>The newest image.</summary>
    public MetadataImage Current => Volatile.Read(ref _image);

    /// <summary>
    /// The version up to which no change was missed: older than the image's after a push that did not come. Who catches up
    /// asks for what is newer than this.
    /// </summary>
    public long CompleteVersion
    {
        get
        {
            lock (_writers)
            {
                return _completeVersion;
            }
        }
    }

    /// <summary>Takes over a whole snapshot, unless a newer version is here already.</summary>
    public void Reset(ClusterSnapshot snapshot)
    {
        MetadataImage before;
        lock (_writers)
        {
            before = _image;
            if (snapshot.Version < before.Version)
            {
                return;
            }

            _completeVersion = snapshot.Version;
            var live = snapshot.Topics.Where(topic => !_deleted.Contains(topic.Id)).ToArray();
            Volatile.Write(ref _image, new MetadataImage
            {
                ClusterId = snapshot.ClusterId,
                Version = snapshot.Version,
                Brokers = snapshot.Brokers.ToImmutableDictionary(broker => broker.BrokerId),
                Topics = live.ToImmutableDictionary(topic => topic.Name, StringComparer.Ordinal),
                TopicsById = live.ToImmutableDictionary(topic => topic.Id),
                ClusterConfigs = snapshot.ClusterConfigs,
                BrokerConfigs = snapshot.BrokerConfigs,
                ResourceConfigs = snapshot.ResourceConfigs,
            });
        }

        TellOfDeletions(before);
    }

    /// <summary>Takes in one change.</summary>
    public void Apply(MetadataChange change)
    {
        MetadataImage before;
        lock (_writers)
        {
            MetadataImage image = before = _image;
            if (change.Topic is { } topic && !_deleted.Contains(topic.Id))
            {
                image = WithTopic(image, topic);
            }

            if (change.DeletedTopic is { } id)
            {
                RememberDeleted(id);
                image = WithoutTopic(image, id);
            }

            if (change.Broker is { } broker &&
                (!image.Brokers.TryGetValue(broker.BrokerId, out var known) || known.BrokerEpoch < broker.BrokerEpoch))
            {
                image = image with { Brokers = image.Brokers.SetItem(broker.BrokerId, broker) };
            }

            if (change.Version == _completeVersion + 1)
            {
                _completeVersion++;
            }

            if (change.Version >= image.Version)
            {
                image = image with
                {
                    Version = change.Version,
                    ClusterConfigs = change.ClusterConfigs ?? image.ClusterConfigs,
                    BrokerConfigs = change.BrokerConfigs ?? image.BrokerConfigs,
                    ResourceConfigs = change.ResourceConfigs ?? image.ResourceConfigs,
                };
            }

            Volatile.Write(ref _image, image);
        }

        TellOfDeletions(before);
    }

    private void TellOfDeletions(MetadataImage before)
    {
        ImmutableDictionary<Guid, TopicImage> now = Current.TopicsById;
        if (TopicDeleted is not { } handlers || ReferenceEquals(now, before.TopicsById))
        {
            return;
        }

        foreach (TopicImage topic in before.TopicsById.Values.Where(topic => !now.ContainsKey(topic.Id)))
        {
            handlers(topic);
        }
    }

    private static MetadataImage WithTopic(MetadataImage image, TopicImage topic)
    {
        if (image.Topics.TryGetValue(topic.Name, out TopicImage? known))
        {
            if (known.Version >= topic.Version)
            {
                return image;
            }

            image = WithoutTopic(image, known.Id);
        }

        return image with
        {
            Topics = image.Topics.SetItem(topic.Name, topic),
            TopicsById = image.TopicsById.SetItem(topic.Id, topic),
        };
    }

    private static MetadataImage WithoutTopic(MetadataImage image, Guid id) =>
        image.TopicsById.TryGetValue(id, out TopicImage? topic)
            ? image with { Topics = image.Topics.Remove(topic.Name), TopicsById = image.TopicsById.Remove(id) }
            : image;

    private void RememberDeleted(Guid id)
    {
        if (_deleted.Add(id))
        {
            _deletedInOrder.Enqueue(id);
            if (_deletedInOrder.Count > DeletedTopicsMax)
            {
                _deleted.Remove(_deletedInOrder.Dequeue());
            }
        }
    }
}
