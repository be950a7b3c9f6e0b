using System.Buffers;
using System.Text;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Protocol.Tests.Records;

public sealed class Crc32CTests
{
    [Theory]
    [InlineData("", 0u)]
    [InlineData("123456789", 0xE3069283u)]
    [InlineData("a", 0xC1D04330u)]
    public void Compute_KnownText_GivesPublishedValue(string text, uint expected) =>
        Assert.Equal(expected, Crc32C.Compute(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Compute_EveryLengthAroundTheBlocks_EqualsTheBitwiseDefinition()
    {
        var data = new byte[30_000];
        new Random(7).NextBytes(data);
        int[] lengths = [.. Enumerable.Range(0, 1600), .. Enumerable.Range(12_280, 24), .. Enumerable.Range(24_570, 20), 30_000];
        foreach (var length in lengths)
        {
            Assert.Equal(Bitwise(data.AsSpan(0, length)), Crc32C.Compute(data.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Append_AnySplit_EqualsTheWhole()
    {
        var data = new byte[20_000];
        new Random(11).NextBytes(data);
        var whole = Crc32C.Compute(data);
        for (var split = 0; split <= data.Length; split += 997)
        {
            Assert.Equal(whole, Crc32C.Append(Crc32C.Compute(data.AsSpan(0, split)), data.AsSpan(split)));
            Assert.Equal(whole, Crc32C.Compute(Pieces.Of(data, split)));
        }
    }

    private static uint Bitwise(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78u);
            }
        }

        return ~crc;
    }
}

/// <summary>A sequence of two pieces.</summary>
internal sealed class Pieces : ReadOnlySequenceSegment<byte>
{
    private Pieces(ReadOnlyMemory<byte> memory, long at)
    {
        Memory = memory;
        RunningIndex = at;
    }

    public static ReadOnlySequence<byte> Of(ReadOnlyMemory<byte> data, int split)
    {
        var first = new Pieces(data[..split], 0);
        var second = new Pieces(data[split..], split);
        first.Next = second;
        return new ReadOnlySequence<byte>(first, 0, second, second.Memory.Length);
    }
}
