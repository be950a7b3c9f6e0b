using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>A topic's settings in the form that its log takes.</summary>
internal static class LogConfigs
{
    public static LogConfig Of(TopicSettings topic, BrokerSettings broker) => new()
    {
        SegmentBytes = topic.SegmentBytes,

        // What must be cleaned by then must have left the active segment by then.
        SegmentMs = topic.CleanupCompact ? Math.Min(topic.SegmentMs, topic.MaxCompactionLagMs) : topic.SegmentMs,
        SegmentJitterMs = topic.SegmentJitterMs,
        SegmentIndexBytes = topic.SegmentIndexBytes,
        IndexIntervalBytes = topic.IndexIntervalBytes,
        RetentionMs = topic.RetentionMs,
        RetentionBytes = topic.RetentionBytes,
        FileDeleteDelayMs = topic.FileDeleteDelayMs,
        MaxMessageBytes = topic.MaxMessageBytes,
        Compression = CodecOf(topic.CompressionType),
        GzipLevel = topic.GzipLevel,
        Lz4Level = topic.Lz4Level,
        ZstdLevel = topic.ZstdLevel,
        TimestampType = topic.LogAppendTime ? TimestampType.LogAppendTime : TimestampType.CreateTime,
        TimestampBeforeMaxMs = topic.TimestampBeforeMaxMs,
        TimestampAfterMaxMs = topic.TimestampAfterMaxMs,
        Compact = topic.CleanupCompact,
        Delete = topic.CleanupDelete,
        MinCleanableDirtyRatio = topic.MinCleanableDirtyRatio,
        MinCompactionLagMs = topic.MinCompactionLagMs,
        MaxCompactionLagMs = topic.MaxCompactionLagMs,
        DeleteRetentionMs = topic.DeleteRetentionMs,
        FlushMessages = topic.FlushMessages,
        FlushMs = topic.FlushMs,
        FlushBeforeAck = broker.FlushBeforeAck,
        ProducerIdExpirationMs = (long)broker.ProducerIdExpiration.TotalMilliseconds,
    };

    private static CompressionCodec? CodecOf(string type) => type switch
    {
        "uncompressed" => CompressionCodec.None,
        "gzip" => CompressionCodec.Gzip,
        "snappy" => CompressionCodec.Snappy,
        "lz4" => CompressionCodec.Lz4,
        "zstd" => CompressionCodec.Zstd,
        _ => null,
    };
}
