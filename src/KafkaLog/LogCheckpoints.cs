using System.Globalization;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>The checkpoints of a log directory, and what a repair makes of them.</summary>
internal sealed class LogCheckpoints
{
    private static readonly string[] Names =
    [
        CheckpointFile.RecoveryPoints, CheckpointFile.LogStarts, CheckpointFile.HighWatermarks,
        CheckpointFile.CleanerOffsets,
    ];

    private readonly LogEnvironment _environment;
    private readonly string _directory;
    private readonly Dictionary<string, Dictionary<(string Topic, int Partition), long>> _values = [];
    private readonly HashSet<string> _unusable = [];
    private readonly HashSet<string> _changed = [];

    public LogCheckpoints(LogEnvironment environment, string directory)
    {
        (_environment, _directory) = (environment, directory);
        foreach (var name in Names)
        {
            var path = Path.Join(directory, name);
            _values[name] = CheckpointFile.Read(environment, path);
            if (environment.Files.ReadAll(path, int.MaxValue) is not { } bytes)
            {
                _unusable.Add(name);
            }
            else if (bytes.Length > 0 && CheckpointText.TryParse(bytes, fields: 3) is null)
            {
                _unusable.Add(name);
                Damaged.Add(path);
            }
        }
    }

    /// <summary>Paths of those that cannot be read.</summary>
    public List<string> Damaged { get; } = [];

    /// <summary>Something is to be written.</summary>
    public bool HasChanges => _changed.Count > 0 || Damaged.Count > 0;

    /// <summary>A partition with what they say of it.</summary>
    public RepairTarget Describe(RepairTarget target) => target with
    {
        RecoveryPoint = _unusable.Contains(CheckpointFile.RecoveryPoints)
            ? null
            : _values[CheckpointFile.RecoveryPoints].GetValueOrDefault(target.Key),
        LogStart = _values[CheckpointFile.LogStarts].GetValueOrDefault(target.Key),
        HighWatermark = _values[CheckpointFile.HighWatermarks].GetValueOrDefault(target.Key),
        CleanerOffset = _values[CheckpointFile.CleanerOffsets].TryGetValue(target.Key, out var cleaned) ? cleaned : null,
        IsCompacted = target.IsCompacted || _values[CheckpointFile.CleanerOffsets].ContainsKey(target.Key),
    };

    /// <summary>Enters what a repair came to.</summary>
    /// <returns>What changes, in words.</returns>
    public IReadOnlyList<string> Enter((string Topic, int Partition) key, RepairOutcome outcome)
    {
        var changes = new List<string>();
        Set(CheckpointFile.RecoveryPoints, key, outcome.End, changes);
        Set(CheckpointFile.LogStarts, key, outcome.Start > 0 ? outcome.Start : null, changes);
        Set(CheckpointFile.HighWatermarks, key, outcome.HighWatermark, changes);
        if (_values[CheckpointFile.CleanerOffsets].TryGetValue(key, out var cleaned))
        {
            Set(CheckpointFile.CleanerOffsets, key, Math.Min(cleaned, outcome.End), changes);
        }

        return changes;
    }

    /// <summary>Writes what has changed; what could not be read is set aside. Durable on return.</summary>
    public void Write()
    {
        foreach (var path in Damaged)
        {
            _environment.Files.RenameFile(path, LogDamage.FreeName(_environment, path));
        }

        foreach (var name in _changed)
        {
            CheckpointFile.Write(
                _environment,
                Path.Join(_directory, name),
                [.. _values[name].Select(v => (v.Key.Topic, v.Key.Partition, v.Value))]);
        }

        _environment.Files.FlushDirectory(_directory);
    }

    private static string Text(long? offset) => offset?.ToString(CultureInfo.InvariantCulture) ?? "no entry";

    private void Set(string name, (string Topic, int Partition) key, long? value, List<string> changes)
    {
        var values = _values[name];
        long? old = values.TryGetValue(key, out var found) ? found : null;
        if ((old ?? 0) == (value ?? 0))
        {
            return;
        }

        _changed.Add(name);
        changes.Add($"{name}: {Text(old)} becomes {Text(value)}");
        if (value is null)
        {
            values.Remove(key);
        }
        else
        {
            values[key] = value.Value;
        }
    }
}
