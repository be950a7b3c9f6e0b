using Orleans.Kafka.Protocol.Compression;

namespace Orleans.Kafka.Storage;

/// <summary>Whose time a batch carries: topic setting <c>message.timestamp.type</c>.</summary>
public enum TimestampType
{
    /// <summary>The producer's.</summary>
    CreateTime,

    /// <summary>The broker's, at the moment of the append.</summary>
    LogAppendTime,
}

/// <summary>How deep the log looks into batches of clients.</summary>
public enum RecordValidation
{
    /// <summary>Header, CRC, first record, codec's first bytes; records of compacted topics one by one.</summary>
    Header,

    /// <summary>Every record of every batch, as Kafka does.</summary>
    Full,
}

/// <summary>
/// The topic settings that the log obeys, with Kafka's names and defaults. Immutable: a change of settings gives
/// the log a new one.
/// </summary>
public sealed record LogConfig
{
    /// <summary>Kafka's defaults.</summary>
    public static LogConfig Default { get; } = new();

    /// <summary><c>segment.bytes</c>: a segment rolls before it grows larger.</summary>
    public int SegmentBytes { get; init; } = 1 << 30;

    /// <summary><c>segment.ms</c>: a segment rolls when its first record is older.</summary>
    public long SegmentMs { get; init; } = 604_800_000;

    /// <summary><c>segment.jitter.ms</c>: up to so much is taken off <see cref="SegmentMs"/>.</summary>
    public long SegmentJitterMs { get; init; }

    /// <summary><c>segment.index.bytes</c>: a segment rolls when one of its indexes is full.</summary>
    public int SegmentIndexBytes { get; init; } = 10 << 20;

    /// <summary><c>index.interval.bytes</c>: an index entry for each so many bytes of log.</summary>
    public int IndexIntervalBytes { get; init; } = 4096;

    /// <summary><c>retention.ms</c>, -1 for ever.</summary>
    public long RetentionMs { get; init; } = 604_800_000;

    /// <summary><c>retention.bytes</c>, -1 without limit.</summary>
    public long RetentionBytes { get; init; } = -1;

    /// <summary><c>file.delete.delay.ms</c>: time between a file's renaming to <c>.deleted</c> and its removal.</summary>
    public long FileDeleteDelayMs { get; init; } = 60_000;

    /// <summary><c>max.message.bytes</c>: largest batch, as it comes (compressed), with its header.</summary>
    public int MaxMessageBytes { get; init; } = 1_048_588;

    /// <summary>
    /// <c>compression.type</c>: the codec in which batches of clients are kept; null keeps them as they come
    /// (<c>producer</c>).
    /// </summary>
    public CompressionCodec? Compression { get; init; }

    /// <summary><c>compression.gzip.level</c>: 1 to 9, -1 for gzip's own default.</summary>
    public int GzipLevel { get; init; } = -1;

    /// <summary><c>compression.lz4.level</c>: 1 to 17; 9, the default, is the quick way.</summary>
    public int Lz4Level { get; init; } = 9;

    /// <summary><c>compression.zstd.level</c>: up to 22; up to 3, the default, is the quick way.</summary>
    public int ZstdLevel { get; init; } = 3;

    /// <summary><c>message.timestamp.type</c>.</summary>
    public TimestampType TimestampType { get; init; } = TimestampType.CreateTime;

    /// <summary><c>message.timestamp.before.max.ms</c>: how far in the past a record may lie.</summary>
    public long TimestampBeforeMaxMs { get; init; } = long.MaxValue;

    /// <summary><c>message.timestamp.after.max.ms</c>: how far in the future a record may lie.</summary>
    public long TimestampAfterMaxMs { get; init; } = 3_600_000;

    /// <summary><c>cleanup.policy</c> names <c>compact</c>: records need keys.</summary>
    public bool Compact { get; init; }

    /// <summary><c>cleanup.policy</c> names <c>delete</c>: retention applies.</summary>
    public bool Delete { get; init; } = true;

    /// <summary><c>min.cleanable.dirty.ratio</c>: the share that must be dirty before a log is cleaned.</summary>
    public double MinCleanableDirtyRatio { get; init; } = 0.5;

    /// <summary><c>min.compaction.lag.ms</c>: how long a record stays as it is at least.</summary>
    public long MinCompactionLagMs { get; init; }

    /// <summary><c>max.compaction.lag.ms</c>: how long a record waits for cleaning at most.</summary>
    public long MaxCompactionLagMs { get; init; } = long.MaxValue;

    /// <summary><c>delete.retention.ms</c>: how long tombstones and idle markers stay after they were first cleaned.</summary>
    public long DeleteRetentionMs { get; init; } = 86_400_000;

    /// <summary><c>flush.messages</c>: records between flushes.</summary>
    public long FlushMessages { get; init; } = long.MaxValue;

    /// <summary><c>flush.ms</c>: time between flushes.</summary>
    public long FlushMs { get; init; } = long.MaxValue;

    /// <summary>
    /// Broker setting <c>log.flush.before.ack</c>: the high watermark stays below what is not on disk, and the owner of
    /// the log acknowledges nothing above the recovery point.
    /// </summary>
    public bool FlushBeforeAck { get; init; }

    /// <summary>Broker setting <c>producer.id.expiration.ms</c>: when an idle producer is forgotten.</summary>
    public long ProducerIdExpirationMs { get; init; } = 86_400_000;

    /// <summary>How deep batches of clients are checked.</summary>
    public RecordValidation Validation { get; init; } = RecordValidation.Header;
}
