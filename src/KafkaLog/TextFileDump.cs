using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>Writes what the text files of a log directory hold: checkpoints, metadata, properties, marker.</summary>
internal sealed class TextFileDump(LogEnvironment environment, TextWriter output)
{
    private const int MaxBytes = 256 << 20;

    /// <returns>False if it is none of these files.</returns>
    public bool TryShow(string path)
    {
        var name = Path.GetFileName(path);
        Func<string, byte[], List<JsonObject>?>? read = name switch
        {
            CheckpointFile.RecoveryPoints or CheckpointFile.LogStarts or CheckpointFile.HighWatermarks
                or CheckpointFile.CleanerOffsets => ReadCheckpoint,
            LogFileName.LeaderEpochs => ReadEpochs,
            LogFileName.PartitionMetadata => ReadMetadata,
            "meta.properties" => ReadProperties,
            LogDirectory.CleanMarker => ReadMarker,
            _ => null,
        };
        if (read is null)
        {
            return false;
        }

        var bytes = environment.Files.ReadAll(path, MaxBytes) ?? throw new IOException($"{path} is too large, or gone");
        foreach (var json in read(path, bytes) ?? [new JsonObject { ["problem"] = "damaged" }])
        {
            json.Insert(0, "file", name);
            output.WriteLine(json.ToJsonString());
        }

        return true;
    }

    private static List<JsonObject>? ReadCheckpoint(string path, byte[] bytes)
    {
        if (bytes.Length == 0)
        {
            // Kafka makes its checkpoints without content.
            return [];
        }

        var result = new List<JsonObject>();
        foreach (var line in CheckpointText.TryParse(bytes, fields: 3) ?? [["", "", ""]])
        {
            if (!int.TryParse(line[1], CultureInfo.InvariantCulture, out var partition)
                || !long.TryParse(line[2], CultureInfo.InvariantCulture, out var offset))
            {
                return null;
            }

            result.Add(new JsonObject { ["topic"] = line[0], ["partition"] = partition, ["offset"] = offset });
        }

        return result;
    }

    private List<JsonObject>? ReadEpochs(string path, byte[] bytes)
    {
        var epochs = new LeaderEpochCache();
        return epochs.TryLoad(environment.Files, Path.GetDirectoryName(path)!)
            ?
            [
                .. epochs.Entries.ToArray().Select(
                    e => new JsonObject { ["epoch"] = e.Epoch, ["startOffset"] = e.StartOffset }),
            ]
            : null;
    }

    private List<JsonObject>? ReadMetadata(string path, byte[] bytes) =>
        PartitionMetadata.Read(environment, Path.GetDirectoryName(path)!) is { } id
            ? [new JsonObject { ["topicId"] = id.ToString() }]
            : null;

    private List<JsonObject>? ReadProperties(string path, byte[] bytes) =>
        MetaProperties.Read(environment.Files, Path.GetDirectoryName(path)!) is { } properties
            ?
            [
                new JsonObject
                {
                    ["clusterId"] = properties.ClusterId,
                    ["nodeId"] = properties.NodeId,
                    ["directoryId"] = properties.DirectoryId.ToString(),
                },
            ]
            : null;

    private static List<JsonObject>? ReadMarker(string path, byte[] bytes)
    {
        try
        {
            return [JsonNode.Parse(Encoding.UTF8.GetString(bytes)) as JsonObject ?? []];
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
