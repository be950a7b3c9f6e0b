using System.Globalization;
using System.Text;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>
/// Repairs a log directory with all its partitions, or one partition's directory, of a broker that is stopped. First it
/// tells what it is going to do; it does it only when that is agreed to.
/// </summary>
internal sealed class DirectoryRepair(LogEnvironment environment, TextWriter output, RepairRequest request)
{
    private const string MarkerText = "{\"version\":0,\"brokerEpoch\":-1}";

    private readonly List<(RepairTarget Target, PartitionRepair Repair)> _repairs = [];
    private readonly List<string> _deletedLogs = [];
    private string? _logDirectory;
    private LogCheckpoints? _checkpoints;
    private bool _isWhole;
    private bool _wasClean;
    private int _partitions;
    private bool _hasFailed;
    private bool _hasRemains;

    /// <returns>
    /// The exit code: 0 nothing is (left) to do, 1 something is, 2 it cannot be done.
    /// </returns>
    public int Run()
    {
        try
        {
            if (!TryPlace(out var problem))
            {
                output.WriteLine(problem);
                return DirectoryVerifier.Unreadable;
            }

            using var held = Lock(out var isFree);
            if (!isFree)
            {
                output.WriteLine($"{_logDirectory}: a broker is running on it; stop it first");
                return DirectoryVerifier.Unreadable;
            }

            return PlanAndCarry();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            output.WriteLine($"failed: {e.Message}");
            return DirectoryVerifier.Unreadable;
        }
    }

    private bool TryPlace(out string problem)
    {
        var path = Path.TrimEndingDirectorySeparator(request.Path);
        problem = $"{path}: neither a log directory nor the directory of a partition";
        if (!environment.Files.DirectoryExists(path))
        {
            problem = $"{path}: no such directory";
            return false;
        }

        if (DirectoryKind.IsPartition(environment, path))
        {
            _logDirectory = DirectoryKind.LogDirectoryOf(environment, path);
            return true;
        }

        if (request.TopicId is not null)
        {
            problem = "--topic-id is for the directory of one partition";
            return false;
        }

        (_logDirectory, _isWhole) = (path, true);
        return DirectoryKind.IsLogDirectory(environment, path);
    }

    // Who only looks makes no file: where there is no lock file, nobody holds it.
    private IDisposable? Lock(out bool isFree)
    {
        isFree = true;
        if (_logDirectory is null)
        {
            return null;
        }

        var path = Path.Join(_logDirectory, LogDirectory.LockFile);
        if (!request.IsAgreed && !environment.Files.FileExists(path))
        {
            return null;
        }

        var held = environment.Files.TryLock(path);
        isFree = held is not null;
        return held;
    }

    private int PlanAndCarry()
    {
        Plan();
        var recovers = _isWhole && _logDirectory is not null && !_wasClean;
        if (_partitions == 0 && _deletedLogs.Count == 0 && _checkpoints?.HasChanges != true && !recovers)
        {
            output.WriteLine(_hasRemains ? "nothing that a repair could do" : "nothing to do");
            return _hasFailed ? DirectoryVerifier.Unreadable
                : _hasRemains ? DirectoryVerifier.Damaged
                : DirectoryVerifier.Clean;
        }

        var losses = _repairs.Select(r => r.Repair.Loss).OfType<RepairLoss>().Where(l => !l.IsNothing).ToList();
        output.WriteLine(losses.Count == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{_partitions} partitions to repair; no record is lost")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{_partitions} partitions to repair; {losses.Count} of them lose {losses.Sum(l => l.Offsets)} offsets"));
        if (!request.IsAgreed)
        {
            output.WriteLine("nothing was changed: repair --yes does it");
            return _hasFailed ? DirectoryVerifier.Unreadable : DirectoryVerifier.Damaged;
        }

        Carry();
        output.WriteLine("done; verify says:");
        var code = new DirectoryVerifier(environment, output).Run(request.Path);
        return _hasFailed ? DirectoryVerifier.Unreadable : code;
    }

    private void Plan()
    {
        var topics = KnownTopics.Read(environment, _logDirectory);
        if (_logDirectory is not null)
        {
            _checkpoints = new LogCheckpoints(environment, _logDirectory);
            _wasClean = environment.Files.FileExists(Path.Join(_logDirectory, LogDirectory.CleanMarker));
            output.WriteLine(_wasClean ? $"{_logDirectory}: stopped cleanly" : $"{_logDirectory}: not stopped cleanly");
            _checkpoints.Damaged.ForEach(p => output.WriteLine($"DAMAGE {p}\n       the checkpoint is damaged"));
        }

        foreach (var path in _isWhole ? Entries() : [request.Path])
        {
            DirectoryKind.TryName(path, out var topic, out var partition);
            var target = new RepairTarget(path, topic, partition)
            {
                IsClean = _wasClean,
                IsDirty = _checkpoints is not null && (!_wasClean || _checkpoints.Damaged.Count > 0),
                KeepsRest = request.KeepsRest,
                IsCompacted = topics.IsCompacted(topic),
                TopicId = request.TopicId
                    ?? (PartitionMetadata.Read(environment, path) is null ? topics.IdOf(topic) : null),
            };
            Plan(_checkpoints?.Describe(target) ?? target, topics);
        }
    }

    private IEnumerable<string> Entries()
    {
        foreach (var entry in environment.Files.List(_logDirectory!).OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            var path = Path.Join(_logDirectory, entry.Name);
            if (entry.IsDirectory && DirectoryKind.TryName(path, out _, out _))
            {
                yield return path;
            }
            else if (entry.IsDirectory && entry.Name.EndsWith(LogDirectory.DeleteSuffix, StringComparison.Ordinal))
            {
                var bytes = environment.Files.List(path).Sum(f => f.Length);
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"remove {path} ({bytes} bytes), a log that was deleted"));
                _deletedLogs.Add(path);
            }
        }
    }

    private void Plan(RepairTarget target, KnownTopics topics)
    {
        var repair = new PartitionRepair(environment, target);
        try
        {
            repair.Plan();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LogFormatException)
        {
            output.WriteLine($"FAILED {target.Directory}: {e.Message}");
            _hasFailed = true;
            return;
        }

        _repairs.Add((target, repair));
        var id = target.TopicId ?? PartitionMetadata.Read(environment, target.Directory);
        Tell(target, repair, topics.Check(target.Directory, target.Topic, id));
    }

    private void Tell(RepairTarget target, PartitionRepair repair, Finding? strayness)
    {
        IReadOnlyList<string> entries = repair.Outcome is null ? [] : _checkpoints?.Enter(target.Key, repair.Outcome) ?? [];
        string[] changes = [.. repair.Changes, .. entries];
        Finding[] remaining = strayness is null ? [.. repair.Remaining] : [.. repair.Remaining, strayness];
        _hasRemains |= remaining.Length > 0;
        if (changes.Length == 0 && repair.Findings.Count == 0 && remaining.Length == 0)
        {
            return;
        }

        _partitions += repair.Outcome is null ? 0 : 1;
        var text = new StringBuilder();
        text.AppendLine(repair.Outcome is { } outcome
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"REPAIR {target.Directory}: {outcome.Before.Start}..{outcome.Before.End}, "
                    + $"then {outcome.Start}..{outcome.End}")
            : $"LEAVE  {target.Directory}");
        foreach (var finding in repair.Findings)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"DAMAGE {finding.Place}\n       {finding.Problem}");
        }

        foreach (var change in changes)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"       -> {change}");
        }

        if (repair.Loss is { } loss)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"       lost: {loss}");
        }

        foreach (var finding in remaining)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"STAYS  {finding.Place}");
            text.AppendLine(CultureInfo.InvariantCulture, $"       {finding.Problem}\n       -> {finding.Advice}");
        }

        output.Write(text.ToString());
    }

    private void Carry()
    {
        var marker = _logDirectory is null ? null : Path.Join(_logDirectory, LogDirectory.CleanMarker);
        if (_wasClean)
        {
            environment.Files.DeleteFile(marker!);
            environment.Files.FlushDirectory(_logDirectory!);
        }

        // A killed broker leaves in the page cache what is not on the disk: all that follows builds on it.
        environment.Files.TryFlushAll(_logDirectory ?? request.Path);
        foreach (var (target, repair) in _repairs.Where(r => r.Repair.Outcome is not null))
        {
            repair.Carry();
            _checkpoints?.Enter(target.Key, repair.Outcome!);
        }

        foreach (var path in _deletedLogs)
        {
            environment.Files.DeleteDirectory(path);
        }

        _checkpoints?.Write();

        // Of the others nobody knows whether they were closed, unless the marker was there before.
        if (marker is not null && !_hasFailed && (_isWhole || _wasClean))
        {
            environment.Files.Replace(marker, Encoding.ASCII.GetBytes(MarkerText));
        }
    }
}
