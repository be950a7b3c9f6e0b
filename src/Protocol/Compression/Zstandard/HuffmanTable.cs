using System.Numerics;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// The Huffman decoder of literals (RFC 8878, 4.2): a table with a cell for whatever the next bits, up to 11, may be.
/// </summary>
internal sealed class HuffmanTable
{
    private const int LargestLog = 11;
    private const int LargestWeightsLog = 6;
    private const int MostWeights = 255;
    private const int FirstDirectHeader = 128;

    /// <summary>By the next bits: symbol in the lower byte, length of its code in the upper.</summary>
    private readonly ushort[] _cells = new ushort[1 << LargestLog];
    private readonly FseTable _weightsTable = new(LargestWeightsLog);
    private int _log;

    /// <summary>False until a block brought a table.</summary>
    public bool IsSet => _log > 0;

    public void Clear() => _log = 0;

    /// <summary>Reads the description of a table from the beginning of the source.</summary>
    public bool TryRead(ReadOnlySpan<byte> source, out int bytes)
    {
        Span<byte> weights = stackalloc byte[MostWeights + 1];
        bytes = 0;
        _log = 0;
        if (source.IsEmpty)
        {
            return false;
        }

        int header = source[0];
        int count;
        if (header >= FirstDirectHeader)
        {
            count = header - FirstDirectHeader + 1;
            bytes = 1 + ((count + 1) / 2);
            if (bytes > source.Length)
            {
                return false;
            }

            for (var i = 0; i < count; i++)
            {
                int pair = source[1 + (i / 2)];
                weights[i] = (byte)((i & 1) == 0 ? pair >> 4 : pair & 15);
            }
        }
        else
        {
            bytes = 1 + header;
            if (bytes > source.Length || !TryReadWeights(source.Slice(1, header), weights, out count))
            {
                return false;
            }
        }

        return TryBuild(weights, count);
    }

    /// <summary>Decodes one stream, which must fill the target and be used up by that.</summary>
    public bool TryDecode(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (!BackwardBits.TryOpen(source, out var bits))
        {
            return false;
        }

        var cells = _cells;
        var log = _log;
        var shift = 64 - log;
        var at = 0;
        while (at <= target.Length - 5 && bits.Left >= BackwardBits.WindowBits)
        {
            // Five codes of 11 bits are the most that one window surely holds.
            var five = target.Slice(at, 5);
            var window = bits.Peek();
            var used = 0;
            for (var i = 0; i < five.Length; i++)
            {
                int cell = cells[(int)(window >> shift)];
                five[i] = (byte)cell;
                window <<= cell >> 8;
                used += cell >> 8;
            }

            bits.Consume(used);
            at += 5;
        }

        for (; at < target.Length && bits.Left >= 0; at++)
        {
            int cell = cells[(int)(bits.Peek() >> shift)];
            target[at] = (byte)cell;
            bits.Consume(cell >> 8);
        }

        return at == target.Length && bits.Left == 0;
    }

    private bool TryReadWeights(ReadOnlySpan<byte> source, Span<byte> weights, out int count)
    {
        // A weight is at most 11, so that there are 12 of them; readers in the field accept no more than 13.
        Span<short> counts = stackalloc short[LargestLog + 2];
        count = 0;
        if (!SymbolCounts.TryRead(source, counts, LargestWeightsLog, out var log, out var symbols, out var bytes)
            || !BackwardBits.TryOpen(source[bytes..], out var bits))
        {
            return false;
        }

        _weightsTable.Build(counts[..symbols], log);
        var states = _weightsTable.States;
        var state = states[(int)bits.Read(log)];
        var other = states[(int)bits.Read(log)];
        if (bits.Left < 0)
        {
            return false;
        }

        // Two states take turns. The stream ends where the next state would need bits that are not there:
        // what the two then stand for are the last weights.
        while (count < MostWeights - 1)
        {
            weights[count++] = state.Symbol;
            if (state.Bits > bits.Left)
            {
                weights[count++] = other.Symbol;
                return true;
            }

            var next = states[(int)(state.Next + bits.Read(state.Bits))];
            state = other;
            other = next;
        }

        return false;
    }

    private bool TryBuild(Span<byte> weights, int count)
    {
        var sum = 0;
        var ones = 0;
        for (var i = 0; i < count; i++)
        {
            if (weights[i] > LargestLog)
            {
                return false;
            }

            sum += weights[i] == 0 ? 0 : 1 << (weights[i] - 1);
            ones += weights[i] == 1 ? 1 : 0;
        }

        if (sum == 0)
        {
            return false;
        }

        // The last weight is not written: it is what fills the table up to a power of two.
        var log = BitOperations.Log2((uint)sum) + 1;
        var left = (1 << log) - sum;
        if (log > LargestLog || !BitOperations.IsPow2(left))
        {
            return false;
        }

        weights[count] = (byte)(BitOperations.Log2((uint)left) + 1);
        ones += weights[count] == 1 ? 1 : 0;
        if (ones < 2 || (ones & 1) != 0)
        {
            return false;
        }

        Fill(weights[..(count + 1)], log);
        return true;
    }

    private void Fill(ReadOnlySpan<byte> weights, int log)
    {
        var at = 0;
        for (var weight = 1; weight <= log; weight++)
        {
            var cells = 1 << (weight - 1);
            var bits = log + 1 - weight;
            for (var symbol = 0; symbol < weights.Length; symbol++)
            {
                if (weights[symbol] == weight)
                {
                    _cells.AsSpan(at, cells).Fill((ushort)(symbol | (bits << 8)));
                    at += cells;
                }
            }
        }

        _log = log;
    }
}
