using System.Buffers;
using Orleans.Kafka.Protocol.Compression;

namespace Orleans.Kafka.Protocol.Tests.Compression;

public class CompressionTests
{
    private static readonly string[] Kinds = ["zeros", "noise", "words", "drum"];

    private static readonly int[] Sizes =
        [0, 1, 4, 11, 12, 13, 17, 64, 200, 4095, 32767, 32768, 32769, 65535, 65536, 65537, 131071, 200000];

    public static TheoryData<CompressionCodec> Codecs { get; } =
        [.. Enum.GetValues<CompressionCodec>()];

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
    [MemberData(nameof(Codecs))]
    public void TryCompress_BytesOfManyDistributions_ComeBackIdentical(CompressionCodec codec)
    {
        var random = new Random(20261121);
        using var buffer = new DecompressionBuffer();
        for (var round = 0; round < 300; round++)
        {
            var plain = Skewed(random);
            var compressed = new ArrayBufferWriter<byte>();

            Assert.True(Compressions.TryCompress(codec, new(plain), compressed));
            Assert.True(
                Compressions.TryDecompress(codec, new(compressed.WrittenMemory), plain.Length, buffer), $"{round}");
            Assert.True(plain.AsSpan().SequenceEqual(buffer.Written), $"{round}");
        }
    }

    [Theory]
    [InlineData(CompressionCodec.Gzip, 9)]
    [InlineData(CompressionCodec.Lz4, 1)]
    [InlineData(CompressionCodec.Lz4, 8)]
    [InlineData(CompressionCodec.Lz4, 17)]
    [InlineData(CompressionCodec.Zstd, -131072)]
    [InlineData(CompressionCodec.Zstd, 4)]
    [InlineData(CompressionCodec.Zstd, 9)]
    [InlineData(CompressionCodec.Zstd, 22)]
    public void TryCompress_AtALevel_ComesBackIdentical(CompressionCodec codec, int level)
    {
        var random = new Random(level);
        using var buffer = new DecompressionBuffer();
        var samples = Kinds.SelectMany(k => Sizes.Select(s => Samples.Make(k, s)))
            .Concat(Enumerable.Range(0, 200).Select(_ => Skewed(random)));
        foreach (var plain in samples)
        {
            var compressed = new ArrayBufferWriter<byte>();
            Assert.True(Compressions.TryCompress(codec, new(plain), compressed, level));
            Assert.True(Compressions.TryDecompress(codec, new(compressed.WrittenMemory), plain.Length, buffer));
            Assert.True(plain.AsSpan().SequenceEqual(buffer.Written), $"{plain.Length}");
        }
    }

    [Theory]
    [InlineData(CompressionCodec.Gzip, 1, 9)]
    [InlineData(CompressionCodec.Lz4, 9, 1)]
    [InlineData(CompressionCodec.Lz4, 1, 12)]
    [InlineData(CompressionCodec.Zstd, 3, 4)]
    [InlineData(CompressionCodec.Zstd, 4, 12)]
    public void TryCompress_AtAMoreThoroughLevel_TakesLessRoom(CompressionCodec codec, int quick, int thorough)
    {
        var plain = Samples.Make("words", 300_000);
        int Size(int level)
        {
            var compressed = new ArrayBufferWriter<byte>();
            Assert.True(Compressions.TryCompress(codec, new(plain), compressed, level));
            return compressed.WrittenCount;
        }

        Assert.InRange(Size(thorough), 1, (int)(Size(quick) * 0.98));
    }

    [Theory]
    [InlineData(CompressionCodec.Lz4, 9)]
    [InlineData(CompressionCodec.Zstd, 3)]
    public void TryCompress_AtKafkasDefaultLevel_IsWhatItIsWithoutOne(CompressionCodec codec, int level)
    {
        var plain = Samples.Make("words", 100_000);
        var (one, other) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        Assert.True(Compressions.TryCompress(codec, new(plain), one, level));
        Assert.True(Compressions.TryCompress(codec, new(plain), other));
        Assert.True(one.WrittenSpan.SequenceEqual(other.WrittenSpan));
    }

    [Theory]
    [InlineData(CompressionCodec.Gzip, "words", 0.45)]
    [InlineData(CompressionCodec.Snappy, "words", 0.65)]
    [InlineData(CompressionCodec.Lz4, "words", 0.65)]
    [InlineData(CompressionCodec.Zstd, "words", 0.45)]
    [InlineData(CompressionCodec.Gzip, "zeros", 0.01)]
    [InlineData(CompressionCodec.Snappy, "zeros", 0.06)]
    [InlineData(CompressionCodec.Lz4, "zeros", 0.01)]
    [InlineData(CompressionCodec.Zstd, "zeros", 0.01)]
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

    /// <summary>Bytes of a random alphabet, more or less even, with repetitions of all lengths and distances.</summary>
    private static byte[] Skewed(Random random)
    {
        var bytes = new byte[random.Next(1, 20000)];
        var alphabet = random.Next(1, 257);
        var first = random.Next(257 - alphabet);
        var power = random.Next(1, 9);
        for (var at = 0; at < bytes.Length;)
        {
            if (at > 0 && random.Next(20) == 0)
            {
                var from = random.Next(at);
                for (var length = random.Next(1, 200); length > 0 && at < bytes.Length; length--)
                {
                    bytes[at++] = bytes[from++];
                }
            }
            else
            {
                bytes[at++] = (byte)(first + (int)(alphabet * Math.Pow(random.NextDouble(), power)));
            }
        }

        return bytes;
    }
}
