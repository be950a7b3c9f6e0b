using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>A topic's settings in the form that its log takes.</summary>
internal static class LogConfigs
{
    public static LogConfig Of(TopicSettings topic, BrokerSettings broker) => new()
    {
        SegmentBytes = topic.SegmentBytes,
        SegmentMs = topic.SegmentMs,
        SegmentJitterMs = topic.SegmentJitterMs,
        SegmentIndexBytes = topic.SegmentIndexBytes,
        IndexIntervalBytes = topic.IndexIntervalBytes,
        RetentionMs = topic.RetentionMs,
        RetentionBytes = topic.RetentionBytes,
        FileDeleteDelayMs = topic.FileDeleteDelayMs,
        MaxMessageBytes = topic.MaxMessageBytes,
        TimestampType = topic.LogAppendTime ? TimestampType.LogAppendTime : TimestampType.CreateTime,
        TimestampBeforeMaxMs = topic.TimestampBeforeMaxMs,
        TimestampAfterMaxMs = topic.TimestampAfterMaxMs,
        Compact = topic.CleanupCompact,
        Delete = topic.CleanupDelete,
        FlushMessages = topic.FlushMessages,
        FlushMs = topic.FlushMs,
        ProducerIdExpirationMs = (long)broker.ProducerIdExpiration.TotalMilliseconds,
    };
}
