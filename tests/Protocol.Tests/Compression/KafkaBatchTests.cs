using System.Buffers.Binary;
using System.Text;
using Orleans.Kafka.Protocol.Compression;

namespace Orleans.Kafka.Protocol.Tests.Compression;

/// <summary>A segment that Kafka 4.3.1 wrote: five batches of ten records each, one in every codec.</summary>
public class KafkaBatchTests
{
    private const int HeaderSize = 61;

    [Theory]
    [InlineData(CompressionCodec.None)]
    [InlineData(CompressionCodec.Gzip)]
    [InlineData(CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Lz4)]
    [InlineData(CompressionCodec.Zstd)]
    public void TryDecompress_BatchThatKafkaWrote_HoldsItsTenRecords(CompressionCodec codec)
    {
        var batch = FindBatch(codec);
        using var buffer = new DecompressionBuffer();

        Assert.True(Compressions.TryDecompress(codec, new(batch, HeaderSize, batch.Length - HeaderSize), 4096, buffer));

        var records = Encoding.UTF8.GetString(buffer.Written);
        var at = 0;
        var baseOffset = BinaryPrimitives.ReadInt64BigEndian(batch);
        for (var offset = baseOffset; offset < baseOffset + 10; offset++)
        {
            at = records.IndexOf($"value-{offset}-xxxx", at, StringComparison.Ordinal);
            Assert.True(at > 0, $"no record of offset {offset}");
        }
    }

    private static byte[] FindBatch(CompressionCodec codec)
    {
        var segment = Samples.Read("kafka-4.3.1-codecs.segment");
        for (var at = 0; at < segment.Length;)
        {
            var size = 12 + BinaryPrimitives.ReadInt32BigEndian(segment.AsSpan(at + 8));
            if ((segment[at + 22] & 7) == (int)codec)
            {
                return segment.AsSpan(at, size).ToArray();
            }

            at += size;
        }

        throw new InvalidDataException($"no batch in {codec}");
    }
}
