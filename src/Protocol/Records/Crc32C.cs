using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Orleans.Kafka.Protocol.Records;

/// <summary>
/// CRC-32C (Castagnoli), the checksum of record batches and producer snapshots. On x86-64 three independent
/// streams run through the CRC instruction, because one stream alone waits three cycles for each result;
/// their remainders are joined by a carry-less multiplication. Elsewhere the runtime's own instruction or table.
/// </summary>
public static class Crc32C
{
    private const int LongBlock = 4096;
    private const int ShortBlock = 256;

    /// <summary>The checksum of <paramref name="data"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of <paramref name="data"/>, wherever its pieces lie.</summary>
    public static uint Compute(in ReadOnlySequence<byte> data)
    {
        if (data.IsSingleSegment)
        {
            return Append(0, data.FirstSpan);
        }

        var crc = 0u;
        foreach (var piece in data)
        {
            crc = Append(crc, piece.Span);
        }

        return crc;
    }

    /// <summary>The checksum of what <paramref name="crc"/> covers followed by <paramref name="data"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        var state = ~crc;
        if (Sse42.X64.IsSupported && Pclmulqdq.IsSupported && data.Length >= 3 * ShortBlock)
        {
            state = AppendThreeWay(state, ref data);
        }

        return ~AppendOneWay(state, data);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // loops: without it the first megabytes go many times slower
    private static uint AppendOneWay(uint state, ReadOnlySpan<byte> data)
    {
        while (data.Length >= sizeof(ulong))
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[sizeof(ulong)..];
        }

        foreach (var value in data)
        {
            state = BitOperations.Crc32C(state, value);
        }

        return state;
    }

    private static uint AppendThreeWay(uint state, ref ReadOnlySpan<byte> data)
    {
        ref var at = ref MemoryMarshal.GetReference(data);
        var left = data.Length;
        while (left >= 3 * LongBlock)
        {
            state = ThreeBlocks(state, ref at, LongBlock, Shifts.OneLong, Shifts.TwoLong);
            at = ref Unsafe.Add(ref at, 3 * LongBlock);
            left -= 3 * LongBlock;
        }

        while (left >= 3 * ShortBlock)
        {
            state = ThreeBlocks(state, ref at, ShortBlock, Shifts.OneShort, Shifts.TwoShort);
            at = ref Unsafe.Add(ref at, 3 * ShortBlock);
            left -= 3 * ShortBlock;
        }

        data = data[^left..];
        return state;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // loops: without it the first megabytes go many times slower
    private static uint ThreeBlocks(uint state, ref byte at, int block, ulong shiftOne, ulong shiftTwo)
    {
        ulong first = state;
        ulong second = 0;
        ulong third = 0;
        ref var b = ref Unsafe.Add(ref at, block);
        ref var c = ref Unsafe.Add(ref at, 2 * block);
        for (nint i = 0; i < block; i += sizeof(ulong))
        {
            first = Sse42.X64.Crc32(first, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, i)));
            second = Sse42.X64.Crc32(second, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref b, i)));
            third = Sse42.X64.Crc32(third, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref c, i)));
        }

        var shifted = Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar(first), Vector128.CreateScalar(shiftTwo), 0)
            ^ Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar(second), Vector128.CreateScalar(shiftOne), 0);
        return (uint)Sse42.X64.Crc32(0, shifted.ToScalar()) ^ (uint)third;
    }

    /// <summary>
    /// Factors that move a remainder over n zero bytes: x^(8n-33) mod P, bit-reflected. The instruction that
    /// reduces the product multiplies by x^32 on its way, and a reflected product is short of one more bit.
    /// Bit 0 of the reflected form is x^31, and eight zero bytes fed to the instruction multiply by x^64.
    /// </summary>
    private static class Shifts
    {
        public static readonly ulong OneShort = For(ShortBlock);
        public static readonly ulong TwoShort = For(2 * ShortBlock);
        public static readonly ulong OneLong = For(LongBlock);
        public static readonly ulong TwoLong = For(2 * LongBlock);

        private static ulong For(int bytes)
        {
            ulong factor = 1;
            for (var done = sizeof(ulong); done < bytes; done += sizeof(ulong))
            {
                factor = Sse42.X64.Crc32(factor, 0);
            }

            return factor;
        }
    }
}
