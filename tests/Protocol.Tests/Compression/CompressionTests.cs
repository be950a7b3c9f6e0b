using System.Buffers;
using Orleans.Kafka.Protocol.Compression;

namespace Orleans.Kafka.Protocol.Tests.Compression;

public class CompressionTests
{
    private static readonly string[] Kinds = ["zeros", "noise", "words", "drum"];

    private static readonly int[] Sizes =
        [0, 1, 4, 11, 12, 13, 17, 64, 200, 4095, 32767, 32768, 32769, 65535, 65536, 65537, 131071, 200000];

    public static TheoryData<CompressionCodec> Codecs { get; } =
        [CompressionCodec.None, CompressionCodec.Gzip, CompressionCodec.Snappy, CompressionCodec.Lz4];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void TryCompress_SamplesOfAllSizes_ComeBackIdentical(CompressionCodec codec)
    {
        using var buffer = new DecompressionBuffer();
        foreach (var kind in Kinds)
        {
            foreach (var size in Sizes)
            {
                var plain = Samples.Make(kind, size);
                var compressed = new ArrayBufferWriter<byte>();

                Assert.True(Compressions.TryCompress(codec, new(plain), compressed));
                Assert.True(
                    Compressions.TryDecompress(codec, new(compressed.WrittenMemory), size, buffer), $"{kind} {size}");
                Assert.True(plain.AsSpan().SequenceEqual(buffer.Written), $"{kind} {size}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void TryCompress_InputInPieces_ComesBackIdentical(CompressionCodec codec)
    {
        var plain = Samples.Make("words", 70000);
        var compressed = new ArrayBufferWriter<byte>();
        using var buffer = new DecompressionBuffer();

        Assert.True(Compressions.TryCompress(codec, Pieces.Of(plain, 1000), compressed));
        Assert.True(Compressions.TryDecompress(codec, new(compressed.WrittenMemory), plain.Length, buffer));

        Assert.True(plain.AsSpan().SequenceEqual(buffer.Written));
    }

    [Theory]
    [InlineData(CompressionCodec.Gzip, "words", 0.45)]
    [InlineData(CompressionCodec.Snappy, "words", 0.65)]
    [InlineData(CompressionCodec.Lz4, "words", 0.65)]
    [InlineData(CompressionCodec.Gzip, "zeros", 0.01)]
    [InlineData(CompressionCodec.Snappy, "zeros", 0.06)]
    [InlineData(CompressionCodec.Lz4, "zeros", 0.01)]
    public void TryCompress_TextAndZeros_BecomeSmaller(CompressionCodec codec, string kind, double most)
    {
        var plain = Samples.Make(kind, 100_000);
        var compressed = new ArrayBufferWriter<byte>();

        Assert.True(Compressions.TryCompress(codec, new(plain), compressed));

        Assert.InRange(compressed.WrittenCount, 1, (int)(plain.Length * most));
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void TryCompress_Noise_GrowsByLittle(CompressionCodec codec)
    {
        var plain = Samples.Make("noise", 100_000);
        var compressed = new ArrayBufferWriter<byte>();

        Assert.True(Compressions.TryCompress(codec, new(plain), compressed));

        Assert.InRange(compressed.WrittenCount, 1, plain.Length + 200);
    }
}
