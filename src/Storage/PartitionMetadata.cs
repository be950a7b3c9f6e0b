using System.Text;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage;

/// <summary>The file that says which topic a directory belongs to: <c>version: 0</c>, <c>topic_id: ...</c>.</summary>
internal static class PartitionMetadata
{
    private const string IdField = "topic_id: ";
    private const int MaxBytes = 4096;

    /// <summary>The topic id; null if the file is missing or damaged.</summary>
    public static KafkaUuid? Read(LogEnvironment environment, string directory)
    {
        var bytes = environment.Files.ReadAll(System.IO.Path.Join(directory, LogFileName.PartitionMetadata), MaxBytes);
        if (bytes is null)
        {
            return null;
        }

        foreach (var line in Encoding.UTF8.GetString(bytes).Split('\n'))
        {
            if (line.StartsWith(IdField, StringComparison.Ordinal)
                && KafkaUuid.TryParse(line[IdField.Length..].Trim(), out var id))
            {
                return id;
            }
        }

        return null;
    }

    /// <summary>
    /// Writes the file. Not flushed: until the log's first flush there is nothing in the directory that a crash could
    /// make precious, and 10,000 new partitions would pay 10,000 flushes.
    /// </summary>
    public static void Write(LogEnvironment environment, string directory, KafkaUuid topicId) =>
        environment.Files.WriteUnflushed(PathIn(directory), Encode(topicId));

    /// <summary>Writes the file anew. Durable on return; a crash leaves the old one or the new one.</summary>
    public static void Replace(LogEnvironment environment, string directory, KafkaUuid topicId) =>
        environment.Files.Replace(PathIn(directory), Encode(topicId));

    private static string PathIn(string directory) => Path.Join(directory, LogFileName.PartitionMetadata);

    private static byte[] Encode(KafkaUuid topicId) => Encoding.ASCII.GetBytes($"version: 0\ntopic_id: {topicId}");
}
