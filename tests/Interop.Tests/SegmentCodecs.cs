using System.Buffers.Binary;

namespace Orleans.Kafka.Interop.Tests;

/// <summary>Looks into the broker's segment files: which codecs do the batches have that a client sent?</summary>
internal static class SegmentCodecs
{
    private static readonly string[] Names = ["none", "gzip", "snappy", "lz4", "zstd", "5", "6", "7"];

    public static IReadOnlyDictionary<string, int> CountBatches(string dataFolder, string topic)
    {
        var counts = new Dictionary<string, int>();
        var segments = Directory.EnumerateDirectories(dataFolder, $"{topic}-*", SearchOption.AllDirectories)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.log"));
        foreach (var segment in segments)
        {
            using var file = new FileStream(segment, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var header = new byte[23];
            while (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length)
            {
                var name = Names[header[22] & 7];
                counts[name] = counts.GetValueOrDefault(name) + 1;
                var size = 12 + BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(8));
                file.Seek(size - header.Length, SeekOrigin.Current);
            }
        }

        return counts;
    }
}
