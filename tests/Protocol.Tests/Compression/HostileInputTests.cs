using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Compression;

namespace Orleans.Kafka.Protocol.Tests.Compression;

/// <summary>
/// Bytes that no tool wrote. The seed is fixed, so that a failure comes back; ORLEANS_KAFKA_FUZZ_ROUNDS looks longer.
/// </summary>
public class HostileInputTests
{
    private const int SizeLimit = 1 << 20;

    private static readonly int Rounds =
        int.TryParse(Environment.GetEnvironmentVariable("ORLEANS_KAFKA_FUZZ_ROUNDS"), out var rounds) ? rounds : 300;

    public static TheoryData<string> Files => DecompressionTests.Files;

    [Theory]
    [MemberData(nameof(Files))]
    public void TryDecompress_ChangedBytes_NeverThrowsNorExceedsTheLimit(string file)
    {
        var (codec, _) = DecompressionTests.Describe(file);
        var original = Samples.Read(file);
        var random = new Random(20261121);
        using var buffer = new DecompressionBuffer();
        for (var round = 0; round < Rounds; round++)
        {
            var bytes = (byte[])original.Clone();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                Damage(ref bytes, random);
            }

            Compressions.TryDecompress(codec, new(bytes), SizeLimit, buffer);

            Assert.InRange(buffer.Length, 0, SizeLimit);
        }
    }

    [Theory]
    [InlineData(CompressionCodec.Gzip, "1f8b0800000000000003")]
    [InlineData(CompressionCodec.Snappy, "")]
    [InlineData(CompressionCodec.Snappy, "82534e41505059000000000100000001")]
    [InlineData(CompressionCodec.Lz4, "04224d1860405bb8")]
    [InlineData(CompressionCodec.Lz4, "04224d18404000c0")]
    [InlineData(CompressionCodec.Zstd, "28b52ffd0050")]
    [InlineData(CompressionCodec.Zstd, "28b52ffd0050fd0f00")]
    public void TryDecompress_Noise_NeverThrowsNorExceedsTheLimit(CompressionCodec codec, string begin)
    {
        var random = new Random(20261121);
        var prefix = Convert.FromHexString(begin);
        using var buffer = new DecompressionBuffer();
        for (var round = 0; round < Rounds * 10; round++)
        {
            var bytes = new byte[prefix.Length + random.Next(300)];
            random.NextBytes(bytes);
            prefix.CopyTo(bytes, 0);

            Compressions.TryDecompress(codec, new(bytes), SizeLimit, buffer);

            Assert.InRange(buffer.Length, 0, SizeLimit);
        }
    }

    [Theory]
    [InlineData(CompressionCodec.Snappy, "ffffffff07")]
    [InlineData(CompressionCodec.Snappy, "82534e4150505900000000010000000100000006ffffffff0700")]
    [InlineData(CompressionCodec.Lz4, "04224d18684000000000000000407d")]
    [InlineData(CompressionCodec.Zstd, "28b52ffda0ffffff7f")]
    public void TryDecompress_SizeThatIsOnlyClaimed_TakesNoMemory(CompressionCodec codec, string hex)
    {
        var bytes = Convert.FromHexString(hex);
        using var buffer = new DecompressionBuffer();
        Compressions.TryDecompress(codec, new(bytes), int.MaxValue, buffer);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var done = Compressions.TryDecompress(codec, new(bytes), int.MaxValue, buffer);
        var taken = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.False(done);
        Assert.InRange(taken, 0, 64 * 1024);
    }

    [Fact]
    public void TryDecompress_BombOfEveryCodec_StopsAtTheLimit()
    {
        using var buffer = new DecompressionBuffer();
        foreach (var codec in Enum.GetValues<CompressionCodec>().Where(c => c != CompressionCodec.None))
        {
            var name = $"zeros-70000.{codec.ToString().ToLowerInvariant()}";
            var bomb = Samples.Read(codec == CompressionCodec.Snappy ? $"{name}.raw.bin" : $"{name}.bin");

            Assert.False(Compressions.TryDecompress(codec, new(bomb), 1000, buffer));
        }
    }

    private static void Damage(ref byte[] bytes, Random random)
    {
        if (bytes.Length == 0)
        {
            return;
        }

        // Headers, at the beginning, decide most: half of the changes go there.
        var at = random.Next(2) == 0 ? random.Next(Math.Min(24, bytes.Length)) : random.Next(bytes.Length);
        switch (random.Next(5))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.AsSpan(at, Math.Min(bytes.Length - at, random.Next(1, 9))).Fill((byte)-random.Next(2));
                break;
            case 3 when at <= bytes.Length - 4:
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), random.Next(2) == 0 ? int.MaxValue : -1);
                break;
            default:
                bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 20))..]];
                break;
        }
    }
}
