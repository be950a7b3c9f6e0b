using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// Reads a bit stream from its end to its beginning. The last byte holds, as its highest set bit, the mark where the
/// stream begins. Before the beginning there are zeros, without end: <see cref="Left"/> tells by being negative.
/// </summary>
internal ref struct BackwardBits
{
    /// <summary>The bits that <see cref="Peek"/> gives for certain, when so many are left.</summary>
    public const int WindowBits = 56;

    private readonly ReadOnlySpan<byte> _source;

    private BackwardBits(ReadOnlySpan<byte> source, int left)
    {
        _source = source;
        Left = left;
    }

    /// <summary>The number of bits not yet consumed; negative when more were consumed than there are.</summary>
    public int Left { get; private set; }

    public static bool TryOpen(ReadOnlySpan<byte> source, out BackwardBits bits)
    {
        bits = default;
        // More than this would not fit an int as a count of bits; no block is that large.
        if (source.IsEmpty || source[^1] == 0 || source.Length > int.MaxValue / 8)
        {
            return false;
        }

        bits = new BackwardBits(source, ((source.Length - 1) * 8) + BitOperations.Log2(source[^1]));
        return true;
    }

    /// <summary>The next bits, the first one highest; at least <see cref="WindowBits"/> of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong Peek()
    {
        var at = (Left >> 3) - 7;
        return at >= 0
            ? BinaryPrimitives.ReadUInt64LittleEndian(_source[at..]) << (8 - (Left & 7))
            : PeekNearBeginning();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Consume(int count) => Left -= count;

    /// <summary>Reads up to 32 bits as a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Read(int count)
    {
        var value = Top(Peek(), count);
        Left -= count;
        return (uint)value;
    }

    /// <summary>The highest bits of a window; also right for a count of 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Top(ulong window, int count) => (window >> 1) >> (63 - count);

    private readonly ulong PeekNearBeginning()
    {
        if (Left <= 0)
        {
            return 0;
        }

        ulong value = 0;
        var bytes = (Left + 7) >> 3;
        for (var i = 0; i < bytes; i++)
        {
            value |= (ulong)_source[i] << (8 * i);
        }

        return value << (64 - Left);
    }
}
