namespace Orleans.Kafka.Protocol.Compression;

/// <summary>
/// How the records of a batch are compressed: bits 0-2 of the batch's attributes. Values 5-7 are not assigned.
/// </summary>
public enum CompressionCodec : byte
{
    /// <summary>The records lie in the batch as they are.</summary>
    None = 0,

    /// <summary>RFC 1952, one or more members.</summary>
    Gzip = 1,

    /// <summary>Either one raw Snappy block (librdkafka) or Java's xerial framing around several.</summary>
    Snappy = 2,

    /// <summary>The LZ4 frame format, with the correct header checksum (KIP-57).</summary>
    Lz4 = 3,

    /// <summary>Zstandard frames, RFC 8878 (KIP-110).</summary>
    Zstd = 4,
}
