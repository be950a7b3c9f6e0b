namespace Orleans.Kafka.Interop.Tests;

/// <summary>Kafka's codecs, by the names that clients have for them.</summary>
public static class Codecs
{
    public static TheoryData<string> All { get; } = ["none", "gzip", "snappy", "lz4", "zstd"];
}
