using System.Globalization;
using System.Text;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage;

/// <summary>Whose log directory this is: the file <c>meta.properties</c>, version 1.</summary>
/// <param name="ClusterId">The cluster.</param>
/// <param name="NodeId">The broker.</param>
/// <param name="DirectoryId">The directory itself (KIP-858).</param>
public sealed record MetaProperties(string ClusterId, int NodeId, KafkaUuid DirectoryId)
{
    private const string FileName = "meta.properties";
    private const int MaxBytes = 64 * 1024;

    /// <summary>Reads the file without judging it; null if there is none or it lacks a field.</summary>
    public static MetaProperties? Read(IFileSystem files, string directory)
    {
        if (files.ReadAll(Path.Join(directory, FileName), MaxBytes) is not { } bytes)
        {
            return null;
        }

        var values = new Dictionary<string, string>();
        foreach (var line in Encoding.UTF8.GetString(bytes).Split('\n'))
        {
            var at = line.IndexOf('=', StringComparison.Ordinal);
            if (at > 0 && line[0] != '#')
            {
                values[line[..at].Trim()] = line[(at + 1)..].Trim().Replace("\\", "", StringComparison.Ordinal);
            }
        }

        return values.TryGetValue("cluster.id", out var cluster)
            && values.TryGetValue("node.id", out var node)
            && int.TryParse(node, CultureInfo.InvariantCulture, out var nodeId)
                ? new MetaProperties(
                    cluster, nodeId, KafkaUuid.TryParse(values.GetValueOrDefault("directory.id"), out var id) ? id : default)
                : null;
    }

    internal static MetaProperties ReadOrCreate(
        LogEnvironment environment, string directory, string clusterId, int nodeId)
    {
        var found = Read(environment.Files, directory);
        if (found is not null && (found.ClusterId != clusterId || found.NodeId != nodeId))
        {
            throw new LogFormatException(
                $"Log directory {directory} belongs to broker {found.NodeId} of cluster {found.ClusterId}, not to " +
                $"broker {nodeId} of cluster {clusterId}");
        }

        if (found is not null && found.DirectoryId != KafkaUuid.Zero)
        {
            return found;
        }

        Span<byte> id = stackalloc byte[KafkaUuid.Size];
        environment.RandomBytes(id);
        var properties = new MetaProperties(clusterId, nodeId, KafkaUuid.Read(id));
        environment.Files.Replace(
            Path.Join(directory, FileName),
            Encoding.UTF8.GetBytes(string.Create(
                CultureInfo.InvariantCulture,
                $"node.id={nodeId}\ndirectory.id={properties.DirectoryId}\nversion=1\ncluster.id={clusterId}\n")));
        return properties;
    }
}
