using Orleans.Kafka.Grains.Cluster;

namespace Orleans.Kafka.Gateway.Kafka;

/// <summary>Makes topics that a client or the broker needs without having asked for them by CreateTopics.</summary>
internal sealed class TopicCreation(BrokerView broker)
{
    /// <summary>
    /// Makes a topic with the broker's defaults. When somebody else was faster, answers with theirs.
    /// </summary>
    public async Task<TopicOutcome> CreateAsync(string name)
    {
        TopicOutcome outcome = await broker.Cluster.CreateTopicAsync(Wanted(name)).OrFailure();
        return outcome.Error == (short)ErrorCode.TopicAlreadyExists &&
            broker.Metadata.Topics.TryGetValue(name, out TopicImage? topic)
            ? new TopicOutcome { Error = 0, Topic = topic }
            : outcome;
    }

    private TopicToCreate Wanted(string name)
    {
        (string partitions, string replicas, Dictionary<string, string?> configs) = name switch
        {
            TopicName.ConsumerOffsets => ("offsets.topic.num.partitions", "offsets.topic.replication.factor",
                Compacted("offsets.topic.segment.bytes", "producer")),
            TopicName.TransactionState => ("transaction.state.log.num.partitions",
                "transaction.state.log.replication.factor",
                Compacted("transaction.state.log.segment.bytes", "uncompressed")),
            TopicName.ShareGroupState => ("share.coordinator.state.topic.num.partitions",
                "share.coordinator.state.topic.replication.factor",
                Compacted("share.coordinator.state.topic.segment.bytes", "none")),
            _ => ("", "", []),
        };
        if (partitions.Length == 0)
        {
            return new TopicToCreate { Name = name, Partitions = -1, ReplicationFactor = -1, Configs = configs };
        }

        // Kafka waits for three brokers here; a cluster of fewer would never have consumer groups.
        int factor = Math.Min((int)(short)broker.Settings.Value(replicas)!, TopicPlanner.ReplicationFactorMax);
        return new TopicToCreate
        {
            Name = name,
            Partitions = (int)broker.Settings.Value(partitions)!,
            ReplicationFactor = (short)factor,
            Configs = configs,
        };
    }

    private Dictionary<string, string?> Compacted(string segmentSetting, string compression) => new()
    {
        ["cleanup.policy"] = "compact",
        ["compression.type"] = compression,
        ["segment.bytes"] = broker.Settings.Layers.Effective(segmentSetting),
    };
}
