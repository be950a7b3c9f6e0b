namespace Orleans.Kafka.Grains.Configs;

/// <summary>What the broker itself reads from its settings.</summary>
public sealed partial class BrokerSettings
{
    private static readonly string[] Protocols = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
    private Dictionary<string, string>? _protocols;

    /// <summary>node.id</summary>
    public int NodeId => Int(NodeIdName);

    /// <summary>broker.rack; null when there is none.</summary>
    public string? Rack => String("broker.rack");

    /// <summary>listeners for clients: those named in controller.listener.names are left out.</summary>
    public IReadOnlyList<ListenerAddress> Listeners => ClientListeners("listeners");

    /// <summary>advertised.listeners; empty when they are those of <see cref="Listeners"/>.</summary>
    public IReadOnlyList<ListenerAddress> AdvertisedListeners =>
        List("advertised.listeners") is null ? [] : ClientListeners("advertised.listeners");

    /// <summary>inter.broker.listener.name; null when it is not given.</summary>
    public string? InterBrokerListenerName => String("inter.broker.listener.name");

    /// <summary>log.dirs, or log.dir when they are not given.</summary>
    public IReadOnlyList<string> LogDirectories =>
        List("log.dirs") is { Length: > 0 } directories ? directories : List("log.dir")!;

    /// <summary>metadata.log.dir, or the first of <see cref="LogDirectories"/>: where the cluster's state lies.</summary>
    public string MetadataDirectory => String("metadata.log.dir") ?? LogDirectories[0];

    /// <summary>num.partitions</summary>
    public int DefaultPartitions => Int("num.partitions");

    /// <summary>default.replication.factor</summary>
    public int DefaultReplicationFactor => Int("default.replication.factor");

    /// <summary>auto.create.topics.enable</summary>
    public bool AutoCreateTopics => Boolean("auto.create.topics.enable");

    /// <summary>delete.topic.enable</summary>
    public bool DeleteTopics => Boolean("delete.topic.enable");

    /// <summary>socket.request.max.bytes: the largest request, without its length field.</summary>
    public int RequestSizeMax => Int("socket.request.max.bytes");

    /// <summary>connections.max.idle.ms; negative for never.</summary>
    public TimeSpan ConnectionIdleMax => Span(Long("connections.max.idle.ms"));

    /// <summary>max.connections</summary>
    public int ConnectionsMax => Int("max.connections");

    /// <summary>max.connections.per.ip</summary>
    public int ConnectionsPerAddressMax => Int("max.connections.per.ip");

    /// <summary>fetch.max.bytes</summary>
    public int FetchSizeMax => Int("fetch.max.bytes");

    /// <summary>message.max.bytes: the largest batch, for topics that do not say.</summary>
    public int BatchSizeMax => Int("message.max.bytes");

    /// <summary>max.request.partition.size.limit: the most partitions in one DescribeTopicPartitions answer.</summary>
    public int RequestPartitionsMax => Int("max.request.partition.size.limit");

    /// <summary>max.incremental.fetch.session.cache.slots</summary>
    public int FetchSessionsMax => Int("max.incremental.fetch.session.cache.slots");

    /// <summary>request.timeout.ms</summary>
    public TimeSpan RequestTimeout => Span(Int("request.timeout.ms"));

    /// <summary>log.retention.check.interval.ms</summary>
    public TimeSpan RetentionCheckInterval => Span(Long("log.retention.check.interval.ms"));

    /// <summary>log.flush.before.ack: an acknowledgement means "on disk".</summary>
    public bool FlushBeforeAck => Boolean("log.flush.before.ack");

    /// <summary>log.open.files.max: files of segments kept open; 0 to derive it from the limit of the process.</summary>
    public int OpenFilesMax => Int("log.open.files.max");

    /// <summary>log.flush.offset.checkpoint.interval.ms</summary>
    public TimeSpan RecoveryPointCheckpointInterval => Span(Int("log.flush.offset.checkpoint.interval.ms"));

    /// <summary>log.flush.start.offset.checkpoint.interval.ms</summary>
    public TimeSpan LogStartCheckpointInterval => Span(Int("log.flush.start.offset.checkpoint.interval.ms"));

    /// <summary>replica.high.watermark.checkpoint.interval.ms</summary>
    public TimeSpan HighWatermarkCheckpointInterval => Span(Long("replica.high.watermark.checkpoint.interval.ms"));

    /// <summary>log.cleaner.enable</summary>
    public bool CleanerEnabled => Boolean("log.cleaner.enable");

    /// <summary>log.cleaner.threads</summary>
    public int CleanerThreads => Int("log.cleaner.threads");

    /// <summary>log.cleaner.backoff.ms; a millisecond at least.</summary>
    public TimeSpan CleanerBackoff => Span(Math.Max(1, Long("log.cleaner.backoff.ms")));

    /// <summary>log.cleaner.dedupe.buffer.size: bytes for all cleaner threads together.</summary>
    public long CleanerKeyMapBytes => Long("log.cleaner.dedupe.buffer.size");

    /// <summary>log.cleaner.io.buffer.load.factor, from 0 to 1.</summary>
    public double CleanerKeyMapLoadFactor => Math.Clamp((double)Value("log.cleaner.io.buffer.load.factor")!, 0.01, 1);

    /// <summary>log.cleaner.io.buffer.size: bytes for all cleaner threads together.</summary>
    public int CleanerIoBufferBytes => Int("log.cleaner.io.buffer.size");

    /// <summary>log.cleaner.io.max.bytes.per.second</summary>
    public double CleanerBytesPerSecond => (double)Value("log.cleaner.io.max.bytes.per.second")!;

    /// <summary>num.recovery.threads.per.data.dir</summary>
    public int RecoveryThreads => Int("num.recovery.threads.per.data.dir");

    /// <summary>producer.id.expiration.ms</summary>
    public TimeSpan ProducerIdExpiration => Span(Int("producer.id.expiration.ms"));

    /// <summary>transaction.max.timeout.ms</summary>
    public TimeSpan TransactionTimeoutMax => Span(Int("transaction.max.timeout.ms"));

    /// <summary>min.insync.replicas, for topics that do not say.</summary>
    public int MinInSyncReplicas => Int("min.insync.replicas");

    /// <summary>log.retention.ms, or what its coarser units say; negative for ever.</summary>
    public TimeSpan Retention => Span(Milliseconds("log.retention.ms"));

    /// <summary>broker.session.timeout.ms: so long after its last sign of life a broker is taken for dead.</summary>
    public TimeSpan BrokerSessionTimeout => Span(Int("broker.session.timeout.ms"));

    /// <summary>log.roll.ms, or what its coarser unit says.</summary>
    public TimeSpan Roll => Span(Milliseconds("log.roll.ms"));

    private static TimeSpan Span(long milliseconds) =>
        milliseconds > TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerMillisecond
            ? TimeSpan.MaxValue
            : TimeSpan.FromTicks(milliseconds * TimeSpan.TicksPerMillisecond);

    private List<ListenerAddress> ClientListeners(string name)
    {
        var controllers = List("controller.listener.names") ?? [];
        return [.. ParseListeners(name).Where(listener => !controllers.Contains(listener.Name))];
    }

    private IEnumerable<ListenerAddress> ParseListeners(string name)
    {
        foreach (var text in List(name)!)
        {
            if (!ListenerAddress.TryParse(text, out var listener, out var host, out var port))
            {
                throw new BrokerSettingsException(
                    $"Setting '{name}' has the value '{text}', which is not allowed. Allowed: NAME://host:port.");
            }

            _protocols ??= ParseProtocols();
            yield return _protocols.TryGetValue(listener, out var protocol)
                ? new ListenerAddress(listener, host, port, protocol)
                : throw new BrokerSettingsException(
                    $"Setting '{name}' has the listener '{listener}', which listener.security.protocol.map lacks. "
                    + $"Allowed: {string.Join(", ", _protocols.Keys)}.");
        }
    }

    private Dictionary<string, string> ParseProtocols()
    {
        var protocols = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in String("listener.security.protocol.map")!.Split(',', StringSplitOptions.TrimEntries))
        {
            var parts = pair.Split(':', StringSplitOptions.TrimEntries);
            if (parts.Length != 2 || !Protocols.Contains(parts[1].ToUpperInvariant()))
            {
                throw new BrokerSettingsException(
                    $"Setting 'listener.security.protocol.map' has the pair '{pair}', which is not allowed. "
                    + "Allowed: NAME:PROTOCOL with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.");
            }

            protocols[parts[0].ToUpperInvariant()] = parts[1].ToUpperInvariant();
        }

        return protocols;
    }

    /// <summary>What no setting can tell alone.</summary>
    private void CheckTogether()
    {
        foreach (var name in new[] { "listeners", "advertised.listeners" })
        {
            if (List(name) is null)
            {
                continue;
            }

            var names = ParseListeners(name).Select(listener => listener.Name).ToList();
            if (names.GroupBy(each => each).FirstOrDefault(group => group.Count() > 1) is { } twice)
            {
                throw new BrokerSettingsException(
                    $"Setting '{name}' has the listener '{twice.Key}' more than once. Allowed: each name once.");
            }
        }

        if (Listeners.Count == 0)
        {
            throw new BrokerSettingsException("Setting 'listeners' has no listener for clients. Allowed: at least one.");
        }

        var listening = Listeners.Select(listener => listener.Name).ToHashSet();
        if (AdvertisedListeners.FirstOrDefault(advertised => !listening.Contains(advertised.Name)) is { } stranger)
        {
            throw new BrokerSettingsException(
                $"Setting 'advertised.listeners' has the listener '{stranger.Name}', which 'listeners' lacks. "
                + $"Allowed: {string.Join(", ", listening)}.");
        }
    }
}
