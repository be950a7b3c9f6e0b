using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
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
    private readonly TimeProvider _clock;
    private readonly ILogger<ReplicaHost> _logger;
    private LogDirectory? _directory;
    private AckFlusher? _flusher;

    /// <param name="settings">The broker's settings.</param>
    /// <param name="replicas">Where open replicas are entered.</param>
    /// <param name="files">The disk.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="random">Seeds what the logs draw.</param>
    /// <param name="logger">Hears what the logs have to say.</param>
    /// <param name="meters">Makes the meter; null without metrics.</param>
    public ReplicaHost(
        CurrentSettings settings,
        LocalReplicas replicas,
        IFileSystem files,
        TimeProvider clock,
        Random random,
        ILogger<ReplicaHost> logger,
        IMeterFactory? meters = null)
    {
        _settings = settings;
        _replicas = replicas;
        _logger = logger;
        _clock = clock;
        _environment = new LogEnvironment(files, clock, new Random(random.Next()))
        {
            Decompress = Decompress,
            OpenFiles = new OpenFileCache(HandleBudget.OfProcessWith(settings.Value.OpenFilesMax).Files),
            Notices = notice => LogNotice(logger, notice.Kind, notice.Path, notice.Text),
        };
        if (meters?.Create(KafkaMeter.Name) is { } meter)
        {
            _environment.Instruments = new LogInstruments(meter, clock);
            _ = new LogGauges(meter, replicas, _environment, () => _directory);
        }
    }

    private string DirectoryPath => Path.GetFullPath(_settings.Value.LogDirectories[0]);

    /// <summary>True from the opening of the log directory to its closing: only then there are replicas.</summary>
    internal bool IsOpen => _directory is not null;

    private LogDirectory Directory =>
        _directory ?? throw new InvalidOperationException("the log directory is not open");

    /// <summary>
    /// What a log directory that was brought along says of its cluster and topics; null for a new directory. Asked before
    /// the directory is opened.
    /// </summary>
    public BroughtDirectory? LookIntoDirectory()
    {
        if (MetaProperties.Read(_environment.Files, DirectoryPath)?.ClusterId is not { } clusterId)
        {
            return null;
        }

        IEnumerable<BroughtPartition> partitions =
            from stored in LogDirectory.ListPartitions(_environment, DirectoryPath)
            where stored.TopicId is not null && TopicName.Fault(stored.Topic) is null &&
                stored.Topic != TopicName.ClusterMetadata
            select new BroughtPartition
            {
                Topic = stored.Topic,
                TopicId = stored.TopicId!.Value.ToGuid(),
                Partition = stored.Partition,
                LatestLeaderEpoch = stored.LatestLeaderEpoch,
            };
        return new BroughtDirectory { ClusterId = clusterId, BrokerId = _settings.NodeId, Partitions = [.. partitions] };
    }

    /// <summary>Opens and locks the log directory.</summary>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    /// <exception cref="LogFormatException">Another process has it, or it is another broker's or cluster's.</exception>
    public void OpenDirectory(string clusterId)
    {
        _directory = LogDirectory.Open(_environment, DirectoryPath, clusterId, _settings.NodeId);
        _flusher = new AckFlusher(_directory.FlushTogether);
    }

    /// <summary>Writes the checkpoints and, when all logs are closed properly, the mark of a clean stop.</summary>
    public void CloseDirectory()
    {
        if (_directory is { } directory)
        {
            _directory = null;
            _flusher?.Stop();
            directory.Close();
            _environment.Deletions.Run(_environment, all: true);
        }
    }

    /// <summary>Opens a replica, recovering its log if need be, and lets the gateway find it.</summary>
    internal (Replica? Replica, ErrorCode Error) Open(ReplicaAssignment assignment, Action<Replica> onFailed)
    {
        int partition = assignment.Partition.Partition;
        try
        {
            LogConfig config = ConfigOf(assignment);
            PartitionLog log = Directory.OpenPartition(
                assignment.Topic, partition, assignment.TopicId.ToKafkaUuid(), config);

            // A recovery may have opened it before, as it was then.
            log.Config = config;
            ReplicaRole role = RoleOf(assignment);
            var replica = new Replica(assignment.Topic, assignment.TopicId, partition, log, role)
            {
                Flusher = _flusher,
            };
            replica.Failed += (failed, exception) =>
            {
                LogFailed(_logger, failed.Topic, failed.Partition, exception);
                onFailed(failed);
            };
            BecomeLeader(log, role);
            if (log.Config.FlushBeforeAck && log.Offsets.LogEnd > log.RecoveryPoint)
            {
                // What a process left behind unflushed is readable when it is on disk. A writer that did something
                // looks for that.
                _ = replica.RunAsWriterAsync(static _ => true);
            }

            _replicas.Add(replica);
            return (replica, ErrorCode.None);
        }
        catch (Exception exception) when (exception is IOException or LogFormatException)
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
        return replica.RetireAsync(static log => log.Close());
    }

    /// <summary>Takes a replica out of service and deletes its files: renamed at once, removed when nobody reads them.</summary>
    internal Task DeleteAsync(Replica replica)
    {
        _replicas.Remove(replica);
        return replica.RetireAsync(Directory.DeletePartition);
    }

    /// <summary>
    /// Moves the log start of a replica up (Kafka's DeleteRecords); -1 stands for the high watermark. The new log start
    /// is durable on return.
    /// </summary>
    /// <returns>The error, and the log start afterwards.</returns>
    public async Task<(ErrorCode Error, long LogStart)> DeleteRecordsAsync(Replica replica, long offset)
    {
        ErrorCode error = await replica.DeleteRecordsAsync(offset);
        if (error == ErrorCode.None)
        {
            Directory.WriteCheckpoints();
        }

        return (error, replica.Log.Offsets.LogStart);
    }

    /// <summary>Flushes what is due and writes the checkpoints, so that the next recovery reads only what is new.</summary>
    internal void Checkpoint()
    {
        if (_directory is { } directory)
        {
            directory.FlushDue();
            directory.WriteCheckpoints();
        }
    }

    /// <summary>Flushes the logs that ask for it, and removes files whose time has come.</summary>
    internal void FlushDue()
    {
        _directory?.FlushDue();
        _environment.Deletions.Run(_environment);
    }

    /// <summary>Deletes segments and producers that are past their retention.</summary>
    internal void ApplyRetention()
    {
        foreach (Replica replica in _replicas.All)
        {
            replica.Log.ApplyRetention();
            replica.Log.RemoveExpiredProducers();
        }
    }

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

    [LoggerMessage(3203, LogLevel.Error, "replica {Topic}-{Partition} failed to write; it is opened again")]
    private static partial void LogFailed(ILogger logger, string topic, int partition, Exception? exception);

    [LoggerMessage(3202, LogLevel.Error, "replica {Topic}-{Partition} cannot be opened")]
    private static partial void LogCannotOpen(ILogger logger, string topic, int partition, Exception exception);
}
