using System.Numerics;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>One state of an FSE table: the symbol it stands for, and where the next bits lead.</summary>
/// <param name="Symbol">The decoded symbol.</param>
/// <param name="Bits">How many bits are read for the next state.</param>
/// <param name="Next">What is added to them.</param>
internal readonly record struct FseState(byte Symbol, byte Bits, ushort Next);

/// <summary>A table of a finite state entropy decoder (RFC 8878, 4.1).</summary>
internal sealed class FseTable(int largestLog)
{
    private readonly FseState[] _states = new FseState[1 << largestLog];

    /// <summary>The size as a power of two; the bits of a first state.</summary>
    public int Log { get; private set; }

    public ReadOnlySpan<FseState> States => _states.AsSpan(0, 1 << Log);

    /// <summary>Every state stands for the same symbol and reads nothing.</summary>
    public void SetSingle(byte symbol)
    {
        Log = 0;
        _states[0] = new FseState(symbol, 0, 0);
    }

    /// <summary>Builds the table. The counts are a valid distribution over 2^log cells.</summary>
    public void Build(ReadOnlySpan<short> counts, int log)
    {
        Log = log;
        var size = 1 << log;
        Span<ushort> next = stackalloc ushort[256];
        Span<byte> symbols = stackalloc byte[512];
        symbols = symbols[..size];
        Spread(counts, symbols, next);
        for (var i = 0; i < size; i++)
        {
            var symbol = symbols[i];
            int rank = next[symbol]++;
            var bits = log - BitOperations.Log2((uint)rank);
            _states[i] = new FseState(symbol, (byte)bits, (ushort)((rank << bits) - size));
        }
    }

    /// <summary>Distributes the symbols over the cells; notes each symbol's number of cells in next.</summary>
    private static void Spread(ReadOnlySpan<short> counts, Span<byte> symbols, Span<ushort> next)
    {
        // Symbols of less than one cell get one each, from the end.
        var end = symbols.Length;
        for (var s = 0; s < counts.Length; s++)
        {
            next[s] = (ushort)Math.Max(counts[s], (short)1);
            if (counts[s] == -1)
            {
                symbols[--end] = (byte)s;
            }
        }

        var mask = symbols.Length - 1;
        var step = (symbols.Length >> 1) + (symbols.Length >> 3) + 3;
        var at = 0;
        for (var s = 0; s < counts.Length; s++)
        {
            for (var i = 0; i < counts[s]; i++)
            {
                symbols[at] = (byte)s;
                do
                {
                    at = (at + step) & mask;
                }
                while (at >= end);
            }
        }
    }
}
