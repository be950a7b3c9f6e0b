using System.Buffers.Binary;
using System.Numerics;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>The 32-bit xxHash with seed 0: the checksum of LZ4 frames.</summary>
internal static class XxHash32
{
    private const uint Prime1 = 2654435761;
    private const uint Prime2 = 2246822519;
    private const uint Prime3 = 3266489917;
    private const uint Prime4 = 668265263;
    private const uint Prime5 = 374761393;

    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        var hash = Prime5;
        var rest = bytes;
        if (bytes.Length >= 16)
        {
            hash = Stripes(ref rest);
        }

        hash += (uint)bytes.Length;
        for (; rest.Length >= 4; rest = rest[4..])
        {
            hash += BinaryPrimitives.ReadUInt32LittleEndian(rest) * Prime3;
            hash = BitOperations.RotateLeft(hash, 17) * Prime4;
        }

        foreach (var single in rest)
        {
            hash += single * Prime5;
            hash = BitOperations.RotateLeft(hash, 11) * Prime1;
        }

        hash = (hash ^ (hash >> 15)) * Prime2;
        hash = (hash ^ (hash >> 13)) * Prime3;
        return hash ^ (hash >> 16);
    }

    private static uint Stripes(ref ReadOnlySpan<byte> rest)
    {
        var a = unchecked(Prime1 + Prime2);
        var b = Prime2;
        var c = 0u;
        var d = unchecked(0u - Prime1);
        for (; rest.Length >= 16; rest = rest[16..])
        {
            a = Round(a, BinaryPrimitives.ReadUInt32LittleEndian(rest));
            b = Round(b, BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]));
            c = Round(c, BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]));
            d = Round(d, BinaryPrimitives.ReadUInt32LittleEndian(rest[12..]));
        }

        return BitOperations.RotateLeft(a, 1) + BitOperations.RotateLeft(b, 7)
            + BitOperations.RotateLeft(c, 12) + BitOperations.RotateLeft(d, 18);
    }

    private static uint Round(uint lane, uint input) =>
        BitOperations.RotateLeft(lane + (input * Prime2), 13) * Prime1;
}
