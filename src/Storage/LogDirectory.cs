using System.Globalization;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage;

/// <summary>A partition found in a log directory.</summary>
/// <param name="Topic">Topic name.</param>
/// <param name="Partition">Partition number.</param>
/// <param name="TopicId">From <c>partition.metadata</c>; null if that file is missing or cannot be read.</param>
public readonly record struct StoredPartition(string Topic, int Partition, KafkaUuid? TopicId)
{
    /// <summary>The last leader epoch that <c>leader-epoch-checkpoint</c> tells of; -1 for none.</summary>
    public int LatestLeaderEpoch { get; init; } = -1;
}

/// <summary>
/// A directory with the logs of one broker, laid out as Kafka's. Guards it against a second process, keeps its
/// checkpoints, and knows whether the last shutdown was clean. Thread-safe.
/// </summary>
public sealed partial class LogDirectory : IDisposable
{
    internal const string LockFile = ".lock";
    internal const string CleanMarker = ".kafka_cleanshutdown";
    internal const string DeleteSuffix = "-delete";
    internal const string StraySuffix = "-stray";

    private readonly Lock _gate = new();
    private readonly Lock _checkpointGate = new();
    private readonly LogEnvironment _environment;
    private readonly IDisposable _lock;
    private readonly Dictionary<(string Topic, int Partition), PartitionLog> _logs = [];
    private readonly Dictionary<(string Topic, int Partition), long> _recoveryPoints;
    private readonly Dictionary<(string Topic, int Partition), long> _logStarts;
    private readonly Dictionary<(string Topic, int Partition), long> _highWatermarks;
    private readonly Dictionary<(string Topic, int Partition), long> _cleanerOffsets;
    private readonly HashSet<(string Topic, int Partition)> _opening = [];
    private bool _isClosed;

    private LogDirectory(LogEnvironment environment, string path, IDisposable heldLock, MetaProperties properties)
    {
        _environment = environment;
        _lock = heldLock;
        Path = path;
        Properties = properties;
        _recoveryPoints = ReadCheckpoint(CheckpointFile.RecoveryPoints);
        _logStarts = ReadCheckpoint(CheckpointFile.LogStarts);
        _highWatermarks = ReadCheckpoint(CheckpointFile.HighWatermarks);
        _cleanerOffsets = ReadCheckpoint(CheckpointFile.CleanerOffsets);
        WasClean = environment.Files.FileExists(InDirectory(CleanMarker));
        _isFlushed = WasClean;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Whose it is.</summary>
    public MetaProperties Properties { get; }

    /// <summary>The last process closed it properly.</summary>
    public bool WasClean { get; }

    /// <summary>The logs open now.</summary>
    public IReadOnlyList<PartitionLog> Logs
    {
        get
        {
            lock (_gate)
            {
                return [.. _logs.Values];
            }
        }
    }

    /// <summary>Opens a log directory, made if there is none, and takes its lock.</summary>
    /// <param name="environment">Disk, clock, chance.</param>
    /// <param name="path">The directory.</param>
    /// <param name="clusterId">The cluster that this broker belongs to.</param>
    /// <param name="nodeId">The broker's id.</param>
    /// <exception cref="LogFormatException">
    /// Another process holds it, or it belongs to another cluster or broker.
    /// </exception>
    /// <exception cref="IOException">The disk fails.</exception>
    public static LogDirectory Open(LogEnvironment environment, string path, string clusterId, int nodeId)
    {
        environment.Files.CreateDirectory(path);
        var heldLock = environment.Files.TryLock(System.IO.Path.Join(path, LockFile))
            ?? throw new LogFormatException($"Another process uses log directory {path}");
        try
        {
            var properties = MetaProperties.ReadOrCreate(environment, path, clusterId, nodeId);
            var directory = new LogDirectory(environment, path, heldLock, properties);
            if (!directory.WasClean)
            {
                directory.FlushWhatIsFound();
            }

            // From now on it is not clean any more, whatever happens.
            if (directory.WasClean)
            {
                environment.Files.DeleteFile(directory.InDirectory(CleanMarker));
                environment.Files.FlushDirectory(path);
            }

            directory.QueueLeftovers();
            return directory;
        }
        catch
        {
            heldLock.Dispose();
            throw;
        }
    }

    /// <summary>The partitions that lie here, open or not.</summary>
    public IReadOnlyList<StoredPartition> ListPartitions() => ListPartitions(_environment, Path);

    /// <summary>The partitions that lie in a directory that need not be open; none if it does not exist.</summary>
    public static IReadOnlyList<StoredPartition> ListPartitions(LogEnvironment environment, string path)
    {
        var result = new List<StoredPartition>();
        if (!environment.Files.DirectoryExists(path))
        {
            return result;
        }

        foreach (var entry in environment.Files.List(path))
        {
            if (entry.IsDirectory && TryParseName(entry.Name, out var topic, out var partition))
            {
                var directory = System.IO.Path.Join(path, entry.Name);
                var epochs = new LeaderEpochCache();
                epochs.TryLoad(environment.Files, directory);
                result.Add(new StoredPartition(topic, partition, PartitionMetadata.Read(environment, directory))
                {
                    LatestLeaderEpoch = epochs.Latest,
                });
            }
        }

        return result;
    }

    /// <summary>The log of a partition, if it is open.</summary>
    public PartitionLog? Find(string topic, int partition)
    {
        lock (_gate)
        {
            return _logs.GetValueOrDefault((topic, partition));
        }
    }

    /// <summary>
    /// Opens the log of a partition, made if there is none. A directory that belongs to another topic of that name, or
    /// holds records of nobody knows which, is set aside as <c>-stray</c> and the log starts empty.
    /// </summary>
    /// <exception cref="IOException">The disk fails.</exception>
    public PartitionLog OpenPartition(string topic, int partition, KafkaUuid topicId, LogConfig config) =>
        OpenOnce(topic, partition, topicId, config, progress: null);

    private PartitionLog OpenAlone(
        (string Topic, int Partition) key, KafkaUuid topicId, LogConfig config, RecoveryProgress.OfLog? progress)
    {
        var (topic, partition) = key;
        PartitionLog? open;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (_logs.TryGetValue(key, out open))
            {
                if (!open.IsFailed && !open.IsClosed)
                {
                    return open;
                }

                Forget(key, open);
            }
        }

        if (open is not null)
        {
            FlushWhatIsFound();

            // The log is opened with the offsets that it had. If they were not on disk and a crash brought others back, what
            // is written from now on, such as snapshots of producers, would not belong to them.
            WriteCheckpoints();
        }

        var directory = DirectoryOf(topic, partition);
        var exists = _environment.Files.DirectoryExists(directory);
        var found = exists ? PartitionMetadata.Read(_environment, directory) : null;
        if (exists && found != topicId && (found is not null || HasRecords(directory)))
        {
            SetAside(directory);
            exists = false;
            found = null;
        }

        if (!exists)
        {
            lock (_gate)
            {
                ForgetCheckpoints(key);
            }
        }

        WithdrawCheckpoints(key);
        var options = OptionsFor(key);
        options = options with
        {
            Progress = progress,
            HasLostFlush = options.HasLostFlush
                || _environment.Files.FileExists(System.IO.Path.Join(directory, LogFileName.LostFlush)),
        };
        if (exists && options.HasLostFlush)
        {
            // Nobody knows whether the file that is there is on the disk.
            PartitionMetadata.Replace(_environment, directory, topicId);
        }

        var log = exists
            ? PartitionLog.Open(_environment, directory, topic, partition, config, options)
            : PartitionLog.Create(_environment, directory, topic, partition, config, startOffset: 0);
        if (found is null)
        {
            PartitionMetadata.Write(_environment, directory, topicId);
        }

        log.CheckpointsMustBeWritten = WriteCheckpoints;
        lock (_gate)
        {
            _logs[key] = log;
            _lostFlushes.Remove(key);
        }

        if (log.RecoveryPoint < options.RecoveryPoint)
        {
            // What is appended now is not on the disk, and must not be taken for it later.
            WriteCheckpoints();
        }

        return log;
    }

    /// <summary>
    /// Deletes a log: its directory is renamed at once, so that the name is free for a new topic, and removed in the
    /// background after <c>file.delete.delay.ms</c>, not under a reader.
    /// </summary>
    public void DeletePartition(PartitionLog log)
    {
        var key = (log.Topic, log.Partition);
        lock (_gate)
        {
            if (_logs.GetValueOrDefault(key) == log)
            {
                _logs.Remove(key);
            }

            ForgetCheckpoints(key);
        }

        Span<byte> id = stackalloc byte[16];
        _environment.RandomBytes(id);
        var target = InDirectory($"{log.Topic}-{log.Partition}.{Convert.ToHexStringLower(id)}{DeleteSuffix}");
        log.CloseForDeletion(target);
    }

    // A crash may have come between the directory and its metadata: then it is empty. A segment that begins later, even one
    // without records, is not the first of a new log.
    private bool HasRecords(string directory) => _environment.Files.List(directory).Any(
        f => LogFileName.TryParse(f.Name, out var offset, out var suffix) && suffix == LogFileName.Log
            && (f.Length > 0 || offset > 0));

    private void SetAside(string directory)
    {
        Span<byte> id = stackalloc byte[16];
        _environment.RandomBytes(id);
        var target = $"{directory}.{Convert.ToHexStringLower(id)}{StraySuffix}";
        _environment.Files.RenameDirectory(directory, target);
        _environment.Files.FlushDirectory(Path);
        _environment.Notice(
            StorageNoticeKind.Stray, directory, $"it does not belong to the topic of that name; set aside as {target}");
    }

    private LogOpenOptions OptionsFor((string Topic, int Partition) key)
    {
        lock (_gate)
        {
            return new LogOpenOptions
            {
                LogStartOffset = _logStarts.GetValueOrDefault(key),
                RecoveryPoint = _recoveryPoints.GetValueOrDefault(key),
                HighWatermark = _highWatermarks.GetValueOrDefault(key),
                HasLostFlush = _lostFlushes.Contains(key) || !_isFlushed,
                CleanerOffset = _cleanerOffsets.TryGetValue(key, out var cleaned) ? cleaned : null,
                IsClean = (_openedOnce.Add(key) && WasClean) | _closedCleanly.Remove(key),
            };
        }
    }

    /// <summary>
    /// After a kill, and when a log failed, the page cache holds what the disk does not: the half of a truncation, or records.
    /// Recovery builds on what it reads, so that has to stay. Nothing is dirty after a power loss, and the call is fast.
    /// </summary>
    private void FlushWhatIsFound()
    {
        try
        {
            _isFlushed = _environment.Files.TryFlushAll(Path);
        }
        catch (IOException e)
        {
            // The pages count as written now.
            _isFlushed = false;
            _environment.Notice(StorageNoticeKind.Failed, Path, e.Message);
            LoseFlushOfAll(except: [], e);
        }
    }

    private void QueueLeftovers()
    {
        foreach (var entry in _environment.Files.List(Path))
        {
            if (entry.IsDirectory && entry.Name.EndsWith(DeleteSuffix, StringComparison.Ordinal)
                && !TryParseName(entry.Name, out _, out _))
            {
                _environment.Deletions.Add(InDirectory(entry.Name), isDirectory: true, 0);
            }
        }
    }

    internal static bool TryParseName(string name, out string topic, out int partition)
    {
        topic = "";
        var dash = name.LastIndexOf('-');
        if (dash <= 0 || !int.TryParse(
                name.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out partition))
        {
            partition = -1;
            return false;
        }

        topic = name[..dash];
        return true;
    }

    private Dictionary<(string Topic, int Partition), long> ReadCheckpoint(string name) =>
        CheckpointFile.Read(_environment, InDirectory(name));

    private string InDirectory(string name) => System.IO.Path.Join(Path, name);
}
