using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>Tells a log directory from the directory of a partition, and what else lies there.</summary>
internal static class DirectoryKind
{
    private static readonly string[] MarksOfLogDirectory =
    [
        "meta.properties", LogDirectory.LockFile, LogDirectory.CleanMarker, CheckpointFile.RecoveryPoints,
        CheckpointFile.LogStarts, CheckpointFile.HighWatermarks, CheckpointFile.CleanerOffsets,
    ];

    public static bool IsPartition(LogEnvironment environment, string path) =>
        environment.Files.List(path).Any(f => f.Name == LogFileName.PartitionMetadata
            || (LogFileName.TryParse(f.Name, out _, out var suffix) && suffix == LogFileName.Log))
        || (TryName(path, out _, out _) && LogDirectoryOf(environment, path) is not null);

    /// <summary>Topic and partition by the directory's name; false (and the name as topic) if it is not such a name.</summary>
    public static bool TryName(string path, out string topic, out int partition)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        if (name != KnownTopics.MetadataDirectory && LogDirectory.TryParseName(name, out topic, out partition))
        {
            return true;
        }

        (topic, partition) = (name, 0);
        return false;
    }

    public static bool IsLogDirectory(LogEnvironment environment, string path) =>
        MarksOfLogDirectory.Any(name => environment.Files.FileExists(Path.Join(path, name)))
        || environment.Files.List(path).Any(e => e.IsDirectory && TryName(Path.Join(path, e.Name), out _, out _)
            && IsPartition(environment, Path.Join(path, e.Name)));

    /// <summary>The log directory that a partition's directory lies in; null for a copy that lies elsewhere.</summary>
    public static string? LogDirectoryOf(LogEnvironment environment, string partition)
    {
        var parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(partition)));
        return parent is not null && MarksOfLogDirectory.Any(n => environment.Files.FileExists(Path.Join(parent, n)))
            ? parent
            : null;
    }

    /// <summary>Says what a directory is whose name is not that of a partition in use.</summary>
    public static string OfNoPartition(string name) =>
        name.EndsWith(LogDirectory.DeleteSuffix, StringComparison.Ordinal) ? "a deleted log; the next start removes it"
        : name.EndsWith(LogDirectory.StraySuffix, StringComparison.Ordinal) ? "set aside: it belongs to no topic; nobody touches it"
        : name.EndsWith("-future", StringComparison.Ordinal) ? "a log on its way between directories; left alone"
        : "not a partition in use";
}
