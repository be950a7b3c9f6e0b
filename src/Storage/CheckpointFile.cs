using System.Globalization;
using System.Text;

namespace Orleans.Kafka.Storage;

/// <summary>
/// A checkpoint of a log directory: <c>topic partition offset</c> a line. Written whole, beside, and renamed into
/// place.
/// </summary>
internal static class CheckpointFile
{
    public const string RecoveryPoints = "recovery-point-offset-checkpoint";
    public const string LogStarts = "log-start-offset-checkpoint";
    public const string HighWatermarks = "replication-offset-checkpoint";

    public const string CleanerOffsets = "cleaner-offset-checkpoint";

    private const int MaxBytes = 256 << 20;

    /// <summary>Reads a checkpoint; empty if there is none. A damaged one counts as none: offsets then start low.</summary>
    public static Dictionary<(string Topic, int Partition), long> Read(LogEnvironment environment, string path)
    {
        var result = new Dictionary<(string Topic, int Partition), long>();
        if (environment.Files.ReadAll(path, MaxBytes) is not { Length: > 0 } bytes)
        {
            // Kafka makes its checkpoints without content.
            return result;
        }

        var lines = CheckpointText.TryParse(bytes, fields: 3);
        if (lines is null)
        {
            environment.Notice(StorageNoticeKind.Rebuilt, path, "the checkpoint is damaged and is not used");
            return result;
        }

        foreach (var line in lines)
        {
            if (int.TryParse(line[1], CultureInfo.InvariantCulture, out var partition)
                && long.TryParse(line[2], CultureInfo.InvariantCulture, out var offset) && offset >= 0)
            {
                result[(line[0], partition)] = offset;
            }
        }

        return result;
    }

    public static void Write(
        LogEnvironment environment, string path, IReadOnlyCollection<(string Topic, int Partition, long Offset)> entries)
    {
        var text = new StringBuilder().Append("0\n").Append(entries.Count).Append('\n');
        foreach (var (topic, partition, offset) in entries)
        {
            text.Append(CultureInfo.InvariantCulture, $"{topic} {partition} {offset}\n");
        }

        environment.Files.ReplaceWithoutDirectoryFlush(path, Encoding.UTF8.GetBytes(text.ToString()));
    }
}
