using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// Opens and closes the logs of this broker's replicas for their grains. Owns the log directory from the broker's
/// start to its stop.
/// </summary>
public sealed partial class ReplicaHost
{
    private readonly CurrentSettings _settings;
    private readonly LocalReplicas _replicas;
    private readonly LogEnvironment _environment;
    private readonly ILogger<ReplicaHost> _logger;
    private InterimLogDirectory? _directory;

    /// <param name="settings">The broker's settings.</param>
    /// <param name="replicas">Where open replicas are entered.</param>
    /// <param name="files">The disk.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="random">Seeds what the logs draw.</param>
    /// <param name="logger">Hears what the logs have to say.</param>
    public ReplicaHost(
        CurrentSettings settings,
        LocalReplicas replicas,
        IFileSystem files,
        TimeProvider clock,
        Random random,
        ILogger<ReplicaHost> logger)
    {
        _settings = settings;
        _replicas = replicas;
        _logger = logger;
        _environment = new LogEnvironment(files, clock, new Random(random.Next()))
        {
            Decompress = Decompress,
            Notices = notice => LogNotice(logger, notice.Kind, notice.Path, notice.Text),
        };
    }

    private InterimLogDirectory Directory =>
        _directory ?? throw new InvalidOperationException("the log directory is not open");

    /// <summary>Opens and locks the log directory.</summary>
    /// <exception cref="IOException">Another process has it, or it cannot be read.</exception>
    public void OpenDirectory()
    {
        BrokerSettings settings = _settings.Value;
        _directory = InterimLogDirectory.Open(_environment, Path.GetFullPath(settings.LogDirectories[0]));
    }

    /// <summary>Marks the directory as cleanly closed, when all logs are, and gives up its lock.</summary>
    public void CloseDirectory()
    {
        _directory?.Close();
        _directory = null;
    }

    /// <summary>Opens a replica, recovering its log if need be, and lets the gateway find it.</summary>
    internal (Replica? Replica, ErrorCode Error) Open(ReplicaAssignment assignment, Action<Replica> onFailed)
    {
        int partition = assignment.Partition.Partition;
        try
        {
            PartitionLog log = Directory.OpenLog(
                assignment.Topic, partition, assignment.TopicId.ToKafkaUuid(), ConfigOf(assignment));
            ReplicaRole role = RoleOf(assignment);
            var replica = new Replica(assignment.Topic, assignment.TopicId, partition, log, role);
            replica.Failed += onFailed;
            BecomeLeader(log, role);
            _replicas.Add(replica);
            return (replica, ErrorCode.None);
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException)
        {
            LogCannotOpen(_logger, assignment.Topic, partition, exception);
            return (null, ErrorCode.KafkaStorageError);
        }
    }

    /// <summary>Brings an open replica to the partition's state.</summary>
    internal Task ChangeAsync(Replica replica, ReplicaAssignment assignment)
    {
        replica.Log.Config = ConfigOf(assignment);
        ReplicaRole role = RoleOf(assignment);
        return role == replica.Role
            ? Task.CompletedTask
            : replica.ChangeRoleAsync(role, log => BecomeLeader(log, role));
    }

    /// <summary>Lets all logs obey the broker's settings as they are now.</summary>
    internal void ApplySettings(MetadataImage image)
    {
        foreach (Replica replica in _replicas.All)
        {
            if (image.TopicsById.TryGetValue(replica.TopicId, out TopicImage? topic))
            {
                replica.Log.Config = ConfigOf(topic.Configs);
            }
        }
    }

    /// <summary>Takes a replica out of service, flushes and closes its log.</summary>
    internal Task CloseAsync(Replica replica)
    {
        _replicas.Remove(replica);
        return replica.RetireAsync(log => Directory.CloseLog(log));
    }

    /// <summary>Takes a replica out of service and deletes its files: renamed at once, removed when nobody reads them.</summary>
    internal Task DeleteAsync(Replica replica)
    {
        _replicas.Remove(replica);
        return replica.RetireAsync(log => Directory.DeleteLog(log));
    }

    /// <summary>Sets aside what lies in the log directory and belongs to no replica that is open.</summary>
    internal void SetAsideUnknown() => Directory.SetAsideUnknown();

    /// <summary>Writes the checkpoints, so that the next recovery reads only what is new.</summary>
    internal void Checkpoint() => _directory?.Checkpoint();

    private static bool Decompress(
        int codec, System.Buffers.ReadOnlySequence<byte> source, int sizeLimit, System.Buffers.IBufferWriter<byte> target) =>
        Compressions.TryDecompress((CompressionCodec)codec, source, sizeLimit, target);

    private static void BecomeLeader(PartitionLog log, ReplicaRole role)
    {
        if (!role.IsLeader)
        {
            return;
        }

        if (role.LeaderEpoch > log.LatestLeaderEpoch)
        {
            log.AssignLeaderEpoch(role.LeaderEpoch, log.Offsets.LogEnd);
        }

        if (role.IsOnlyReplica)
        {
            log.AdvanceHighWatermark(log.Offsets.LogEnd);
        }
    }

    private ReplicaRole RoleOf(ReplicaAssignment assignment)
    {
        PartitionImage partition = assignment.Partition;
        return new ReplicaRole(
            partition.Leader == _settings.NodeId,
            partition.LeaderEpoch,
            partition.PartitionEpoch,
            partition.InSyncReplicas.Length == 1);
    }

    private LogConfig ConfigOf(ReplicaAssignment assignment) => ConfigOf(assignment.Configs);

    private LogConfig ConfigOf(IReadOnlyDictionary<string, string> overrides) =>
        LogConfigs.Of(TopicSettings.Resolve(overrides, _settings.Value.Layers), _settings.Value);

    [LoggerMessage(3201, LogLevel.Warning, "{Kind}: {Path}: {Text}")]
    private static partial void LogNotice(ILogger logger, StorageNoticeKind kind, string path, string text);

    [LoggerMessage(3202, LogLevel.Error, "replica {Topic}-{Partition} cannot be opened")]
    private static partial void LogCannotOpen(ILogger logger, string topic, int partition, Exception exception);
}
