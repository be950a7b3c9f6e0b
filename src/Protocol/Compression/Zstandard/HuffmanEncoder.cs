namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>Makes a Huffman code for the literals of a block, and writes them in it.</summary>
internal sealed class HuffmanEncoder
{
    private const int LargestLength = 11;
    private const int Symbols = 256;
    private const int MostDirectWeights = 128;
    private const int WeightsLog = 6;
    private const int MostWeightsBytes = 127;

    private readonly byte[] _lengths = new byte[Symbols];
    private readonly ushort[] _codes = new ushort[Symbols];
    private readonly byte[] _weights = new byte[Symbols];
    private readonly int[] _counts = new int[2 * Symbols];
    private readonly int[] _parents = new int[2 * Symbols];
    private int _last;

    /// <summary>Prepares the code; false when there are not two different bytes.</summary>
    public bool TryPrepare(ReadOnlySpan<byte> literals)
    {
        var counts = _counts.AsSpan(0, Symbols);
        counts.Clear();
        foreach (var literal in literals)
        {
            counts[literal]++;
        }

        _last = counts.LastIndexOfAnyExcept(0);
        if (_last <= 0 || counts[.._last].IndexOfAnyExcept(0) < 0)
        {
            return false;
        }

        // Flatter counts give shorter codes in the end: eight bits when all are equal.
        while (BuildLengths() > LargestLength)
        {
            for (var symbol = 0; symbol <= _last; symbol++)
            {
                _counts[symbol] = (_counts[symbol] + 1) / 2;
            }
        }

        AssignCodes();
        return true;
    }

    /// <summary>Writes the description of the code; 0 when it does not fit any of the two forms.</summary>
    public int WriteDescription(Span<byte> target)
    {
        var weights = _weights.AsSpan(0, _last);
        Span<byte> compressed = stackalloc byte[MostWeightsBytes];
        var size = CompressWeights(weights, compressed);
        var directSize = (weights.Length + 1) / 2;
        if (size > 0 && (size < directSize || weights.Length > MostDirectWeights))
        {
            target[0] = (byte)size;
            compressed[..size].CopyTo(target[1..]);
            return 1 + size;
        }

        if (weights.Length > MostDirectWeights)
        {
            return 0;
        }

        target[0] = (byte)(MostDirectWeights - 1 + weights.Length);
        for (var i = 0; i < directSize; i++)
        {
            var second = (2 * i) + 1 < weights.Length ? weights[(2 * i) + 1] : 0;
            target[1 + i] = (byte)((weights[2 * i] << 4) | second);
        }

        return 1 + directSize;
    }

    /// <summary>Writes one stream; -1 when the target is too short.</summary>
    public int WriteStream(ReadOnlySpan<byte> literals, Span<byte> target)
    {
        var writer = new BitWriter(target);
        for (var i = literals.Length - 1; i >= 0; i--)
        {
            writer.Write(_codes[literals[i]], _lengths[literals[i]]);
        }

        var size = writer.FinishBackward();
        return writer.IsFull ? -1 : size;
    }

    private static int CompressWeights(ReadOnlySpan<byte> weights, Span<byte> target)
    {
        Span<short> all = stackalloc short[LargestLength + 1];
        if (weights.Length < 2 || !TryNormalize(weights, all, out var symbols))
        {
            return 0;
        }

        ReadOnlySpan<short> counts = all[..symbols];
        var writer = new BitWriter(target);
        SymbolCounts.Write(ref writer, counts, WeightsLog);
        var written = writer.FinishForward();
        if (writer.IsFull)
        {
            return 0;
        }

        var table = new FseTable(WeightsLog);
        table.Build(counts, WeightsLog);
        var encoder = new FseEncoder(table, counts.Length);
        var bits = new BitWriter(target[written..]);
        var at = weights.Length - 1;
        var state = encoder.Begin(weights[at--]);
        var other = encoder.Begin(weights[at--]);
        while (at >= 0)
        {
            (state, other) = (other, encoder.Step(ref bits, state, weights[at--]));
        }

        // The reader begins with the state of the first weight.
        encoder.End(ref bits, state);
        encoder.End(ref bits, other);
        written += bits.FinishBackward();
        return bits.IsFull ? 0 : written;
    }

    /// <summary>Scales how often each weight occurs to the size of the table; false when there is only one.</summary>
    private static bool TryNormalize(ReadOnlySpan<byte> weights, Span<short> counts, out int symbols)
    {
        counts.Clear();
        foreach (var weight in weights)
        {
            counts[weight]++;
        }

        symbols = counts.LastIndexOfAnyExcept((short)0) + 1;
        var largest = 0;
        var left = 1 << WeightsLog;
        for (var i = 0; i < symbols; i++)
        {
            if (counts[i] > 0)
            {
                counts[i] = (short)Math.Max(1, (counts[i] << WeightsLog) / weights.Length);
                left -= counts[i];
                largest = counts[i] > counts[largest] ? i : largest;
            }
        }

        counts[largest] += (short)left;
        return counts[largest] is > 0 and < (1 << WeightsLog);
    }

    /// <summary>Gives every symbol the length of its code, by joining the two rarest again and again.</summary>
    private int BuildLengths()
    {
        var queue = new PriorityQueue<int, int>();
        for (var symbol = 0; symbol <= _last; symbol++)
        {
            if (_counts[symbol] > 0)
            {
                queue.Enqueue(symbol, _counts[symbol]);
            }
        }

        var node = Symbols;
        while (queue.Count > 1)
        {
            queue.TryDequeue(out var first, out var firstCount);
            queue.TryDequeue(out var second, out var secondCount);
            _parents[first] = node;
            _parents[second] = node;
            queue.Enqueue(node++, firstCount + secondCount);
        }

        var root = node - 1;
        var longest = 0;
        for (var symbol = 0; symbol <= _last; symbol++)
        {
            var length = 0;
            for (var at = symbol; _counts[symbol] > 0 && at != root; at = _parents[at])
            {
                length++;
            }

            _lengths[symbol] = (byte)length;
            longest = Math.Max(longest, length);
        }

        return longest;
    }

    private void AssignCodes()
    {
        int log = _lengths.AsSpan(0, _last + 1).ToArray().Max();
        var at = 0;
        for (var weight = 1; weight <= log; weight++)
        {
            for (var symbol = 0; symbol <= _last; symbol++)
            {
                if (_lengths[symbol] == log + 1 - weight)
                {
                    _weights[symbol] = (byte)weight;
                    _codes[symbol] = (ushort)(at >> (weight - 1));
                    at += 1 << (weight - 1);
                }
            }
        }

        for (var symbol = 0; symbol <= _last; symbol++)
        {
            _weights[symbol] = _lengths[symbol] == 0 ? (byte)0 : _weights[symbol];
        }
    }
}
