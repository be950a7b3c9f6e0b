using System.Buffers;
using Orleans.Kafka.Protocol.Compression;

namespace Orleans.Kafka.Protocol.Tests.Compression;

public class DecompressionTests
{
    public static TheoryData<string> Files { get; } =
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Compression", "data"), "*.bin")
            .Select(path => Path.GetFileName(path)).Order()];

    [Theory]
    [MemberData(nameof(Files))]
    public void TryDecompress_FileOfARealTool_GivesThePlainContent(string file)
    {
        var (codec, plain) = Describe(file);

        var target = new ArrayBufferWriter<byte>();
        var done = Compressions.TryDecompress(codec, new(Samples.Read(file)), plain.Length, target);

        Assert.True(done);
        Assert.True(plain.AsSpan().SequenceEqual(target.WrittenSpan));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void TryDecompress_InputInPieces_GivesThePlainContent(string file)
    {
        var (codec, plain) = Describe(file);

        var target = new ArrayBufferWriter<byte>();
        var done = Compressions.TryDecompress(codec, Pieces.Of(Samples.Read(file), 7), plain.Length, target);

        Assert.True(done);
        Assert.True(plain.AsSpan().SequenceEqual(target.WrittenSpan));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void TryDecompress_LimitOneByteTooLow_IsRefusedAndWritesNothing(string file)
    {
        var (codec, plain) = Describe(file);
        if (plain.Length == 0)
        {
            return;
        }

        var target = new ArrayBufferWriter<byte>();
        var done = Compressions.TryDecompress(codec, new(Samples.Read(file)), plain.Length - 1, target);

        Assert.False(done);
        Assert.Equal(0, target.WrittenCount);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void TryDecompress_CutAnywhere_GivesNoMoreThanABeginning(string file)
    {
        var (codec, plain) = Describe(file);
        var bytes = Samples.Read(file);
        using var buffer = new DecompressionBuffer();

        // Every cut of a short file, some two hundred of a long one.
        for (var length = 0; length < bytes.Length; length += Math.Max(1, bytes.Length / 200))
        {
            if (Compressions.TryDecompress(codec, new(bytes, 0, length), plain.Length, buffer))
            {
                // Framings without an end mark (xerial, frames in a row) may be cut between two of their parts.
                Assert.True(plain.AsSpan().StartsWith(buffer.Written), $"cut at {length}");
                Assert.True(buffer.Length < plain.Length || IsAllowedToEndEarly(file), $"cut at {length}");
            }
        }
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void TryDecompress_CodecThatIsNotAssigned_IsRefused(int codec)
    {
        var target = new ArrayBufferWriter<byte>();

        Assert.False(Compressions.TryDecompress((CompressionCodec)codec, new([1, 2, 3]), 100, target));
    }

    [Fact]
    public void TryDecompress_None_CopiesTheInput()
    {
        var target = new ArrayBufferWriter<byte>();

        Assert.True(Compressions.TryDecompress(CompressionCodec.None, new([1, 2, 3]), 3, target));
        Assert.Equal([1, 2, 3], target.WrittenSpan.ToArray());
    }

    [Fact]
    public void TryDecompress_SameBufferTwice_KeepsNothingOfTheFirst()
    {
        using var buffer = new DecompressionBuffer();
        var plain = Samples.Make("words", 5000);

        Assert.True(Compressions.TryDecompress(CompressionCodec.None, new([9, 9, 9]), 9, buffer));
        Assert.True(Compressions.TryDecompress(
            CompressionCodec.Zstd, new(Samples.Read("words-5000.zstd.bin")), 5000, buffer));

        Assert.True(plain.AsSpan().SequenceEqual(buffer.Written));
    }

    [Fact]
    public void TryDecompress_ZstdWithDictionary_IsRefused()
    {
        // A frame of one raw block, with the dictionary id 7.
        byte[] frame = [0x28, 0xB5, 0x2F, 0xFD, 0x21, 7, 1, 0x09, 0, 0, 65];
        using var buffer = new DecompressionBuffer();

        Assert.False(Compressions.TryDecompress(CompressionCodec.Zstd, new(frame), 100, buffer));
        frame[5] = 0;
        Assert.True(Compressions.TryDecompress(CompressionCodec.Zstd, new(frame), 100, buffer));
        Assert.Equal([65], buffer.Written.ToArray());
    }

    [Fact]
    public void TryDecompress_ZstdWithOneRepeatedLiteral_GivesIt()
    {
        // A frame of one compressed block: twenty times the same literal, no sequences.
        byte[] frame = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 20, 0x1D, 0, 0, 0xA1, 65, 0];
        using var buffer = new DecompressionBuffer();

        Assert.True(Compressions.TryDecompress(CompressionCodec.Zstd, new(frame), 100, buffer));
        Assert.Equal(Enumerable.Repeat((byte)65, 20), buffer.Written.ToArray());
    }

    [Theory]
    [InlineData(0x88, true)]
    [InlineData(0x89, false)]
    public void TryDecompress_ZstdWindow_IsTakenUpTo128MiB(byte descriptor, bool isTaken)
    {
        byte[] frame = [0x28, 0xB5, 0x2F, 0xFD, 0, descriptor, 0x09, 0, 0, 65];
        using var buffer = new DecompressionBuffer();

        Assert.Equal(isTaken, Compressions.TryDecompress(CompressionCodec.Zstd, new(frame), 100, buffer));
    }

    internal static (CompressionCodec Codec, byte[] Plain) Describe(string file)
    {
        var parts = file.Split('.');
        var codec = Enum.Parse<CompressionCodec>(parts[1], ignoreCase: true);
        var kindAndSize = parts[0].Split('-');
        return (codec, Samples.Make(kindAndSize[0], int.Parse(kindAndSize[1], null)));
    }

    private static bool IsAllowedToEndEarly(string file) => file.Contains("zstd.frames", StringComparison.Ordinal);
}
