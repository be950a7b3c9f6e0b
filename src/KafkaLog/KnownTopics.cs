using System.Text.Json;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>
/// What a log directory tells of topics without a broker: the cluster's records, where they lie beside the log (a
/// cluster of one process keeps them there), and the ids that a topic's partitions agree on.
/// </summary>
internal sealed class KnownTopics
{
    /// <summary>The directory of the cluster's records; it looks like a partition's and is none.</summary>
    public const string MetadataDirectory = "__cluster_metadata-0";

    private const int RecordMaxBytes = 256 << 20;

    // Kafka keeps the first hundred ids for itself.
    private const int ReservedIds = 100;

    private readonly Dictionary<string, KafkaUuid> _ids = [];
    private readonly Dictionary<string, bool> _compacted = [];
    private readonly Dictionary<string, HashSet<KafkaUuid>> _stored = [];
    private readonly Dictionary<KafkaUuid, HashSet<string>> _names = [];
    private bool _isCompactedByDefault;

    private KnownTopics()
    {
    }

    /// <summary>The cluster's records are there: a topic that they do not name does not exist.</summary>
    public bool HasRecords { get; private set; }

    /// <summary>Records that cannot be read.</summary>
    public List<Finding> Findings { get; } = [];

    /// <param name="environment">The disk.</param>
    /// <param name="logDirectory">The log directory; null for a partition's directory that lies outside of one.</param>
    public static KnownTopics Read(LogEnvironment environment, string? logDirectory)
    {
        var known = new KnownTopics();
        if (logDirectory is null)
        {
            return known;
        }

        known.ReadRecords(environment, Path.Join(logDirectory, MetadataDirectory));
        foreach (var stored in LogDirectory.ListPartitions(environment, logDirectory))
        {
            if (stored.TopicId is { } id && !IsReserved(id))
            {
                Add(known._stored, stored.Topic, id);
                Add(known._names, id, stored.Topic);
            }
        }

        return known;
    }

    /// <summary>The id that a topic must have; null if that cannot be told.</summary>
    public KafkaUuid? IdOf(string topic) =>
        _ids.TryGetValue(topic, out var id) ? id
        : !HasRecords && _stored.TryGetValue(topic, out var ids) && ids.Count == 1 ? ids.Single()
        : null;

    /// <summary>Cleaning may have left holes between the offsets of the topic's logs.</summary>
    public bool IsCompacted(string topic) =>
        _compacted.GetValueOrDefault(topic, _isCompactedByDefault)
        || topic is "__consumer_offsets" or "__transaction_state" or "__share_group_state";

    /// <summary>Says what is wrong with the topic id that lies in a partition's directory; null if nothing is.</summary>
    public Finding? Check(string directory, string topic, KafkaUuid? found)
    {
        var advice = "if the records are this topic's, write its id: kafka-log repair --topic-id "
            + $"{IdOf(topic)?.ToString() ?? "ID"} DIR";
        return Problem(topic, found) is { } problem
            ? new Finding(Path.Join(directory, LogFileName.PartitionMetadata), -1, -1, problem, advice)
            : null;
    }

    private string? Problem(string topic, KafkaUuid? found)
    {
        const string Stray = ": the broker sets the directory aside as stray";
        if (found is not { } id)
        {
            return "missing or without a topic id" + Stray;
        }

        if (IsReserved(id))
        {
            return $"the topic id {id} is one of those that Kafka gives to no topic" + Stray;
        }

        if (_ids.TryGetValue(topic, out var expected))
        {
            return expected == id ? null : $"the topic id is {id}, but the topic has {expected}" + Stray;
        }

        var others = _stored.GetValueOrDefault(topic, []).Where(i => i != id).ToList();
        if (others.Count > 0)
        {
            return $"the topic id is {id}, but other partitions of the topic have {string.Join(", ", others)}";
        }

        var names = HasRecords ? [] : _names.GetValueOrDefault(id, []).Where(n => n != topic).ToList();
        return names.Count > 0 ? $"the topic id {id} is also that of {string.Join(", ", names)}" : null;
    }

    private static bool IsReserved(KafkaUuid id) => id.High == 0 && id.Low < ReservedIds;

    private static void Add<TKey, TValue>(Dictionary<TKey, HashSet<TValue>> sets, TKey key, TValue value)
        where TKey : notnull
    {
        if (!sets.TryGetValue(key, out var set))
        {
            sets[key] = set = [];
        }

        set.Add(value);
    }

    private void ReadRecords(LogEnvironment environment, string directory)
    {
        if (!environment.Files.DirectoryExists(directory))
        {
            return;
        }

        var entries = environment.Files.List(directory);
        foreach (var entry in entries.Where(e => e.Name.EndsWith(".json", StringComparison.Ordinal)))
        {
            var path = Path.Join(directory, entry.Name);
            try
            {
                using var record = JsonDocument.Parse(environment.Files.ReadAll(path, RecordMaxBytes));
                var state = record.RootElement.GetProperty("state");
                if (entry.Name.StartsWith("cluster.", StringComparison.Ordinal))
                {
                    ReadCluster(state);
                }
                else if (entry.Name.StartsWith("topic.", StringComparison.Ordinal))
                {
                    ReadTopic(state.GetProperty("Topic"));
                }
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException
                or FormatException)
            {
                Findings.Add(new Finding(path, -1, -1, $"not a record of the cluster: {e.Message}", Advice.Restore));
            }
        }
    }

    private void ReadCluster(JsonElement state)
    {
        Span<byte> bytes = stackalloc byte[KafkaUuid.Size];
        foreach (var topic in state.GetProperty("Topics").EnumerateObject())
        {
            topic.Value.GetGuid().TryWriteBytes(bytes, bigEndian: true, out _);
            _ids[topic.Name] = KafkaUuid.Read(bytes);
        }

        _isCompactedByDefault = IsCompacting(state.GetProperty("ClusterConfigs"), "log.cleanup.policy") == true;
        HasRecords = true;
    }

    private void ReadTopic(JsonElement topic)
    {
        if (topic.ValueKind == JsonValueKind.Object
            && IsCompacting(topic.GetProperty("Configs"), "cleanup.policy") is { } isCompacted)
        {
            _compacted[topic.GetProperty("Name").GetString()!] = isCompacted;
        }
    }

    private static bool? IsCompacting(JsonElement settings, string name) => settings.TryGetProperty(name, out var policy)
        ? policy.GetString()?.Contains("compact", StringComparison.Ordinal)
        : null;
}
