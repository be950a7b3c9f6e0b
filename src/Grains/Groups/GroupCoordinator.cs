using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>
/// This broker as a coordinator of groups: which of them are its own, and the partitions of <c>__consumer_offsets</c>
/// that their grains read and write.
/// </summary>
public sealed partial class GroupCoordinator
{
    /// <summary>
    /// So long a request waits for its partition to be read before it is answered with COORDINATOR_LOAD_IN_PROGRESS:
    /// less than a client waits before it asks again.
    /// </summary>
    private static readonly TimeSpan LoadingPatience = TimeSpan.FromMilliseconds(100);

    /// <summary>A partition that could not be read is not read again before this time has passed.</summary>
    private const long ReadAgainMs = 5_000;

    private readonly CurrentSettings _settings;
    private readonly MetadataCache _metadata;
    private readonly LocalReplicas _replicas;
    private readonly IGrainFactory _grains;
    private readonly TimeProvider _clock;
    private readonly ILogger<GroupCoordinator> _logger;
    private readonly Random _random;
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<int, OffsetsPartition> _partitions = new();
    private readonly ReadingQueue _reading = new(Math.Max(1, Environment.ProcessorCount / 2));
    private (BrokerSettings From, GroupSettings Settings)? _read;
    private readonly TaskCompletionSource _stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="settings">The broker's settings.</param>
    /// <param name="metadata">The cluster.</param>
    /// <param name="replicas">The replicas on this broker.</param>
    /// <param name="grains">The way to the groups.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="random">Seeds the member ids.</param>
    /// <param name="logger">Hears of partitions that cannot be read.</param>
    public GroupCoordinator(
        CurrentSettings settings,
        MetadataCache metadata,
        LocalReplicas replicas,
        IGrainFactory grains,
        TimeProvider clock,
        Random random,
        ILogger<GroupCoordinator> logger)
    {
        _settings = settings;
        _metadata = metadata;
        _replicas = replicas;
        _grains = grains;
        _clock = clock;
        _random = new Random(random.Next());
        _logger = logger;
    }

    /// <summary>The cluster now.</summary>
    internal MetadataImage Metadata => _metadata.Current;

    /// <summary>What the settings say about groups now.</summary>
    internal GroupSettings Settings
    {
        get
        {
            BrokerSettings current = _settings.Value;
            lock (_lock)
            {
                if (_read is not { } read || read.From != current)
                {
                    _read = read = (current, GroupSettings.Of(current));
                }

                return read.Settings;
            }
        }
    }

    /// <summary>
    /// The grain of a group that this broker coordinates. NOT_COORDINATOR when it does not,
    /// COORDINATOR_LOAD_IN_PROGRESS while it does not know the group yet.
    /// </summary>
    public async ValueTask<(ErrorCode Error, IGroupGrain? Group)> FindAsync(string groupId)
    {
        ErrorCode error = await OpenAsync(groupId);
        return error == ErrorCode.None
            ? (error, _grains.GetGrain<IGroupGrain>(GroupKey.Of(groupId, _settings.NodeId)))
            : (error, null);
    }

    /// <summary>All groups that this broker coordinates.</summary>
    public async Task<(ErrorCode Error, List<GroupListing> Groups)> ListAsync()
    {
        var groups = new List<GroupListing>();
        foreach (OffsetsPartition partition in OwnPartitions())
        {
            ErrorCode error = await LoadAsync(partition);
            if (error == ErrorCode.CoordinatorLoadInProgress)
            {
                return (error, []);
            }

            groups.AddRange(partition.Listings);
        }

        return (ErrorCode.None, groups);
    }

    /// <summary>The partition of a group and what it says of the group, for the group's grain.</summary>
    /// <exception cref="InvalidOperationException">This broker does not coordinate the group, or not yet.</exception>
    internal async Task<(OffsetsPartition Partition, GroupImage Image)> ClaimAsync(string groupId)
    {
        OffsetsPartition? partition = PartitionOf(groupId);
        if (partition is null || await LoadAsync(partition) != ErrorCode.None)
        {
            throw new InvalidOperationException($"group {groupId} is not coordinated here");
        }

        return (partition, partition.Claim(groupId));
    }

    /// <summary>The unique end of a member id.</summary>
    internal string NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        lock (_lock)
        {
            _random.NextBytes(bytes);
        }

        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }

    private async ValueTask<ErrorCode> OpenAsync(string groupId)
    {
        if (_stopping.Task.IsCompleted || PartitionOf(groupId) is not { } partition)
        {
            return ErrorCode.NotCoordinator;
        }

        return partition.Loaded.IsCompletedSuccessfully ? ErrorCode.None : await LoadAsync(partition);
    }

    private async Task<ErrorCode> LoadAsync(OffsetsPartition partition)
    {
        try
        {
            await partition.Loaded.WaitAsync(LoadingPatience, _clock);
            return ErrorCode.None;
        }
        catch (TimeoutException)
        {
            return ErrorCode.CoordinatorLoadInProgress;
        }
        catch (Exception)
        {
            // The log has the reason, once.
            return ErrorCode.NotCoordinator;
        }
    }

    private OffsetsPartition? PartitionOf(string groupId) =>
        _metadata.Current.Topics.TryGetValue(TopicName.ConsumerOffsets, out TopicImage? topic)
            ? Partition(CoordinatorPartition.Of(groupId, topic.Partitions.Length))
            : null;

    /// <summary>The partition, when this broker leads it; its reading is begun.</summary>
    private OffsetsPartition? Partition(int number)
    {
        if (_partitions.TryGetValue(number, out OffsetsPartition? known) && (known.IsCurrent || IsToRest(known)))
        {
            return known;
        }

        if (!_metadata.Current.Topics.TryGetValue(TopicName.ConsumerOffsets, out TopicImage? topic) ||
            !_replicas.TryGet(topic.Id, number, out Replica? replica) || !replica.Role.IsLeader || replica.Log.IsFailed)
        {
            return null;
        }

        OffsetsPartition partition;
        lock (_lock)
        {
            if (_partitions.TryGetValue(number, out known) && known.IsCurrent && known.Replica == replica)
            {
                return known;
            }

            known?.Abandon();
            _partitions[number] = partition = new OffsetsPartition(replica, GroupTime.Of(_clock).ElapsedMs);
        }

        partition.Load(_reading);
        _ = WakeMembersAsync(partition);
        return partition;
    }

    /// <summary>It could not be read, and not long ago.</summary>
    private bool IsToRest(OffsetsPartition partition) =>
        partition.Loaded.IsFaulted && GroupTime.Of(_clock).ElapsedMs < partition.OpenedAtMs + ReadAgainMs;

    /// <summary>The partitions that this broker leads; their reading is begun.</summary>
    private List<OffsetsPartition> OwnPartitions()
    {
        int count = _metadata.Current.Topics.TryGetValue(TopicName.ConsumerOffsets, out TopicImage? topic)
            ? topic.Partitions.Length
            : 0;
        return [.. Enumerable.Range(0, count).Select(Partition).OfType<OffsetsPartition>()];
    }

    [LoggerMessage(3301, LogLevel.Error, "the groups of __consumer_offsets-{Partition} cannot be read")]
    private static partial void LogCannotLoad(ILogger logger, int partition, Exception exception);
}
