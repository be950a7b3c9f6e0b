using System.Globalization;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>Verifies a log directory with all its partitions, or one partition's directory. Changes nothing.</summary>
internal sealed class DirectoryVerifier(LogEnvironment environment, TextWriter output)
{
    public const int Clean = 0;
    public const int Damaged = 1;
    public const int Unreadable = 2;

    private KnownTopics _topics = KnownTopics.Read(environment, logDirectory: null);
    private Dictionary<(string Topic, int Partition), long> _cleaned = [];
    private Dictionary<(string Topic, int Partition), long>? _recoveryPoints;
    private int _findings;

    /// <returns>The exit code: clean, damaged, or cannot be read.</returns>
    public int Run(string path)
    {
        path = Path.TrimEndingDirectorySeparator(path);
        try
        {
            if (!environment.Files.DirectoryExists(path))
            {
                output.WriteLine($"{path}: no such directory");
                return Unreadable;
            }

            if (DirectoryKind.IsPartition(environment, path))
            {
                var parent = DirectoryKind.LogDirectoryOf(environment, path);
                Learn(parent);
                Verify(
                    path, parent is not null && environment.Files.FileExists(Path.Join(parent, LogDirectory.CleanMarker)));
            }
            else if (!VerifyAll(path))
            {
                output.WriteLine($"{path}: neither a log directory nor the directory of a partition");
                return Unreadable;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            output.WriteLine($"cannot read: {e.Message}");
            return Unreadable;
        }

        output.WriteLine(
            _findings == 0 ? "clean" : string.Create(CultureInfo.InvariantCulture, $"{_findings} findings"));
        return _findings == 0 ? Clean : Damaged;
    }

    private void Learn(string? logDirectory)
    {
        _topics = KnownTopics.Read(environment, logDirectory);
        if (logDirectory is not null)
        {
            _cleaned = CheckpointFile.Read(environment, Path.Join(logDirectory, CheckpointFile.CleanerOffsets));
            var path = Path.Join(logDirectory, CheckpointFile.RecoveryPoints);
            _recoveryPoints = environment.Files.ReadAll(path, int.MaxValue) is { } bytes
                && (bytes.Length == 0 || CheckpointText.TryParse(bytes, fields: 3) is not null)
                    ? CheckpointFile.Read(environment, path)
                    : null;
        }
    }

    private bool VerifyAll(string path)
    {
        if (!DirectoryKind.IsLogDirectory(environment, path))
        {
            return false;
        }

        var isClean = environment.Files.FileExists(Path.Join(path, LogDirectory.CleanMarker));
        var properties = MetaProperties.Read(environment.Files, path);
        output.WriteLine(properties is null
            ? $"{path}: meta.properties is missing or damaged"
            : $"{path}: node {properties.NodeId} of cluster {properties.ClusterId}");
        output.WriteLine(isClean ? "stopped cleanly" : "no marker of a clean stop: the next start recovers");
        Learn(path);
        _topics.Findings.ForEach(Report);
        var ends = new Dictionary<(string Topic, int Partition), (long Start, long End)>();
        var entries = environment.Files.List(path).OrderBy(e => e.Name, StringComparer.Ordinal);
        foreach (var entry in entries.Where(e => e.IsDirectory))
        {
            if (entry.Name == KnownTopics.MetadataDirectory)
            {
                output.WriteLine($"note   {entry.Name}: the cluster's records, no log of ours");
            }
            else if (LogDirectory.TryParseName(entry.Name, out var topic, out var partition))
            {
                var verifier = Verify(Path.Join(path, entry.Name), isClean);
                ends[(topic, partition)] = (Math.Max(0, verifier.Start), verifier.End);
            }
            else
            {
                output.WriteLine($"note   {entry.Name}: {DirectoryKind.OfNoPartition(entry.Name)}");
            }
        }

        Compare(path, CheckpointFile.RecoveryPoints, ends);
        Compare(path, CheckpointFile.HighWatermarks, ends);
        Compare(path, CheckpointFile.LogStarts, ends);
        return true;
    }

    private void Compare(
        string path, string name, Dictionary<(string Topic, int Partition), (long Start, long End)> ends)
    {
        var file = Path.Join(path, name);
        if (environment.Files.ReadAll(file, int.MaxValue) is { Length: > 0 } bytes
            && CheckpointText.TryParse(bytes, fields: 3) is null)
        {
            Report(new Finding(file, -1, -1, "the checkpoint is damaged", "remove it: the next start reads more"));
            return;
        }

        foreach (var (key, offset) in CheckpointFile.Read(environment, file))
        {
            if (ends.TryGetValue(key, out var range) && range.Start >= 0 && offset > range.End)
            {
                Report(new Finding(
                    file, -1, offset, $"{key.Topic}-{key.Partition}: says {offset}, but the log ends at {range.End}",
                    Advice.Restore));
            }
        }
    }

    private PartitionVerifier Verify(string path, bool isClean)
    {
        DirectoryKind.TryName(path, out var topic, out var partition);
        var isCompacted = _topics.IsCompacted(topic) || _cleaned.ContainsKey((topic, partition));
        var recoveryPoint = _recoveryPoints?.GetValueOrDefault((topic, partition));
        var verifier = new PartitionVerifier(environment, path, isClean)
        {
            MayHaveHoles = isCompacted,
            HolesBelow = isCompacted ? long.MaxValue : recoveryPoint ?? long.MaxValue,
            EndsBelow = isClean && recoveryPoint is > 0 and var end ? end : long.MaxValue,
        };
        var findings = verifier.Run().ToList();
        CheckTopic(path, topic, findings);
        var summary = verifier.Segments == 0
            ? "no segment yet"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{verifier.Start}..{verifier.End}, {verifier.Segments} segments, {verifier.Batches} batches, {verifier.Bytes} bytes");
        output.WriteLine($"{(findings.Count == 0 ? "ok    " : "DAMAGE")} {path}: {summary}");
        foreach (var finding in findings)
        {
            Report(finding);
        }

        foreach (var note in verifier.Notes)
        {
            output.WriteLine($"note   {note}");
        }

        return verifier;
    }

    private void CheckTopic(string path, string topic, List<Finding> findings)
    {
        if (_topics.Check(path, topic, PartitionMetadata.Read(environment, path)) is { } finding)
        {
            findings.Add(finding);
        }
        else if (_topics.HasRecords && _topics.IdOf(topic) is null)
        {
            output.WriteLine($"note   {path}: the cluster has no topic {topic}; the broker leaves the directory alone");
        }
    }

    private void Report(Finding finding)
    {
        _findings++;
        output.WriteLine(finding);
    }
}
