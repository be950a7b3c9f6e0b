using System.Numerics;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// The distribution from which an FSE table is made (RFC 8878, 4.1.1): how many of the table's cells a symbol has,
/// -1 for "less than one".
/// </summary>
internal static class SymbolCounts
{
    public const int SmallestLog = 5;

    /// <summary>Reads a distribution.</summary>
    /// <param name="source">Begins with the distribution.</param>
    /// <param name="counts">As many entries as there may be symbols.</param>
    /// <param name="largestLog">The largest table allowed here, as a power of two.</param>
    /// <param name="log">The size of the table, as a power of two.</param>
    /// <param name="symbols">How many entries were filled.</param>
    /// <param name="bytes">How long the distribution is.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> source, Span<short> counts, int largestLog, out int log, out int symbols, out int bytes)
    {
        var bits = new ForwardBits(source);
        symbols = 0;
        bytes = 0;
        log = bits.Read(4) + SmallestLog;
        if (log > largestLog)
        {
            return false;
        }

        var left = 1 << log;
        while (left > 0 && symbols < counts.Length)
        {
            var count = ReadCount(ref bits, left);
            counts[symbols++] = (short)count;
            left -= Math.Abs(count);
            if (count == 0 && !TryReadZeros(ref bits, counts, ref symbols))
            {
                return false;
            }
        }

        bytes = bits.BytesRead;
        return left == 0 && bytes <= source.Length;
    }

    /// <summary>Writes a distribution over 2^log cells; the last of the counts is not 0.</summary>
    public static void Write(ref BitWriter bits, scoped ReadOnlySpan<short> counts, int log)
    {
        bits.Write((uint)(log - SmallestLog), 4);
        var left = 1 << log;
        for (var symbol = 0; symbol < counts.Length; symbol++)
        {
            int count = counts[symbol];
            WriteCount(ref bits, left, count);
            left -= Math.Abs(count);
            if (count != 0)
            {
                continue;
            }

            var zeros = counts[(symbol + 1)..].IndexOfAnyExcept((short)0);
            symbol += zeros;
            for (; zeros >= 3; zeros -= 3)
            {
                bits.Write(3, 2);
            }

            bits.Write((uint)zeros, 2);
        }
    }

    private static void WriteCount(ref BitWriter bits, int left, int count)
    {
        var value = count + 1;
        var width = BitOperations.Log2((uint)left + 1) + 1;
        var lowMask = (1 << (width - 1)) - 1;
        var shortOnes = (1 << width) - 1 - (left + 1);
        if (value < shortOnes)
        {
            bits.Write((uint)value, width - 1);
        }
        else
        {
            bits.Write((uint)(value > lowMask ? value + shortOnes : value), width);
        }
    }

    private static int ReadCount(ref ForwardBits bits, int left)
    {
        // Values 0..left+1 are possible. The lowest ones are written with one bit less than the others.
        var width = BitOperations.Log2((uint)left + 1) + 1;
        var value = bits.Read(width);
        var lowMask = (1 << (width - 1)) - 1;
        var shortOnes = (1 << width) - 1 - (left + 1);
        if ((value & lowMask) < shortOnes)
        {
            bits.GoBack(1);
            value &= lowMask;
        }
        else if (value > lowMask)
        {
            value -= shortOnes;
        }

        return value - 1;
    }

    private static bool TryReadZeros(ref ForwardBits bits, Span<short> counts, ref int symbols)
    {
        while (true)
        {
            var more = bits.Read(2);
            if (more > counts.Length - symbols)
            {
                return false;
            }

            counts.Slice(symbols, more).Clear();
            symbols += more;
            if (more < 3)
            {
                return true;
            }
        }
    }
}
