using System.Globalization;

namespace Orleans.Kafka.Grains.Configs;

/// <summary>
/// The settings in force for one topic: its own, else what is set at run time for this broker or for all brokers, else what
/// the broker started with, else Kafka's defaults. Immutable; durations in milliseconds because several of them reach
/// beyond what TimeSpan holds.
/// </summary>
public sealed class TopicSettings
{
    private readonly Dictionary<string, object> _values;

    private TopicSettings(Dictionary<string, object> values) => _values = values;

    /// <summary>cleanup.policy has delete.</summary>
    public bool CleanupDelete => List("cleanup.policy").Contains("delete");

    /// <summary>cleanup.policy has compact.</summary>
    public bool CleanupCompact => List("cleanup.policy").Contains("compact");

    /// <summary>compression.type: producer, uncompressed, gzip, snappy, lz4 or zstd.</summary>
    public string CompressionType => (string)_values["compression.type"];

    /// <summary>compression.gzip.level</summary>
    public int GzipLevel => Int("compression.gzip.level");

    /// <summary>compression.lz4.level</summary>
    public int Lz4Level => Int("compression.lz4.level");

    /// <summary>compression.zstd.level</summary>
    public int ZstdLevel => Int("compression.zstd.level");

    /// <summary>delete.retention.ms</summary>
    public long DeleteRetentionMs => Long("delete.retention.ms");

    /// <summary>file.delete.delay.ms</summary>
    public long FileDeleteDelayMs => Long("file.delete.delay.ms");

    /// <summary>flush.messages</summary>
    public long FlushMessages => Long("flush.messages");

    /// <summary>flush.ms</summary>
    public long FlushMs => Long("flush.ms");

    /// <summary>index.interval.bytes</summary>
    public int IndexIntervalBytes => Int("index.interval.bytes");

    /// <summary>max.compaction.lag.ms</summary>
    public long MaxCompactionLagMs => Long("max.compaction.lag.ms");

    /// <summary>max.message.bytes: the largest batch.</summary>
    public int MaxMessageBytes => Int("max.message.bytes");

    /// <summary>message.timestamp.after.max.ms</summary>
    public long TimestampAfterMaxMs => Long("message.timestamp.after.max.ms");

    /// <summary>message.timestamp.before.max.ms</summary>
    public long TimestampBeforeMaxMs => Long("message.timestamp.before.max.ms");

    /// <summary>message.timestamp.type is LogAppendTime.</summary>
    public bool LogAppendTime => (string)_values["message.timestamp.type"] == "LogAppendTime";

    /// <summary>min.cleanable.dirty.ratio</summary>
    public double MinCleanableDirtyRatio => (double)_values["min.cleanable.dirty.ratio"];

    /// <summary>min.compaction.lag.ms</summary>
    public long MinCompactionLagMs => Long("min.compaction.lag.ms");

    /// <summary>min.insync.replicas</summary>
    public int MinInSyncReplicas => Int("min.insync.replicas");

    /// <summary>preallocate</summary>
    public bool Preallocate => (bool)_values["preallocate"];

    /// <summary>retention.bytes; -1 for no limit.</summary>
    public long RetentionBytes => Long("retention.bytes");

    /// <summary>retention.ms; -1 for ever.</summary>
    public long RetentionMs => Long("retention.ms");

    /// <summary>segment.bytes</summary>
    public int SegmentBytes => Int("segment.bytes");

    /// <summary>segment.index.bytes</summary>
    public int SegmentIndexBytes => Int("segment.index.bytes");

    /// <summary>segment.jitter.ms</summary>
    public long SegmentJitterMs => Long("segment.jitter.ms");

    /// <summary>segment.ms</summary>
    public long SegmentMs => Long("segment.ms");

    /// <summary>unclean.leader.election.enable</summary>
    public bool UncleanLeaderElection => (bool)_values["unclean.leader.election.enable"];

    /// <summary>
    /// The settings in force. A text that does not pass its check is passed over for the next below it: it was checked when
    /// it was set, perhaps by another version, and a topic must not become unreadable by it.
    /// </summary>
    public static TopicSettings Resolve(IReadOnlyDictionary<string, string> overrides, SettingLayers layers)
    {
        var values = new Dictionary<string, object>(SettingTable.Topic.All.Count, StringComparer.Ordinal);
        foreach (var definition in SettingTable.Topic.All)
        {
            var text = TextInForce(definition, overrides, layers);
            if (!definition.TryParse(text, out var value, out _))
            {
                definition.TryParse(definition.DefaultText!, out value, out _);
            }

            values[definition.Name] = value;
        }

        return new TopicSettings(values);
    }

    /// <summary>
    /// What is wrong with a topic's own settings as CreateTopics brings them, in Kafka's words; null when nothing is.
    /// </summary>
    public static string? Validate(IEnumerable<KeyValuePair<string, string?>> given) =>
        ConfigRules.CheckNewTopic(given, out _).Message;

    /// <summary>The text in force for one setting of a topic.</summary>
    internal static string TextInForce(
        SettingDefinition definition, IReadOnlyDictionary<string, string> overrides, SettingLayers layers)
    {
        if (overrides.TryGetValue(definition.Name, out var text))
        {
            return text;
        }

        return (definition.BrokerSetting is { } name ? layers.Effective(name) : null) ?? definition.DefaultText!;
    }

    private int Int(string name) => Convert.ToInt32(_values[name], CultureInfo.InvariantCulture);

    private long Long(string name) => Convert.ToInt64(_values[name], CultureInfo.InvariantCulture);

    private string[] List(string name) => (string[])_values[name];
}
