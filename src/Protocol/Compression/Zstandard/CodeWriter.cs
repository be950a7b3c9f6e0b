using System.Numerics;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// Writes one of the three kinds of code of a block's sequences, with the table that takes the fewest bits: the one that
/// the format defines, one for a single code, or one of the block's own. Reusable.
/// </summary>
internal sealed class CodeWriter
{
    private const int DefaultMode = 0;
    private const int SingleMode = 1;
    private const int OwnTableMode = 2;

    // The encoder keeps a state in a byte.
    private const int LargestLog = 8;
    private const int MostDescriptionBytes = 96;

    private readonly SequenceCodes _codes;
    private readonly FseEncoder _default;
    private readonly FseTable _table = new(LargestLog);
    private readonly FseEncoder _own;
    private readonly int[] _counts;
    private readonly short[] _cells;
    private FseEncoder _current;

    public CodeWriter(SequenceCodes codes)
    {
        _codes = codes;
        _default = new FseEncoder(codes.DefaultTable, codes.Bases.Length);
        _own = new FseEncoder(codes.Bases.Length, LargestLog);
        _counts = new int[codes.Bases.Length];
        _cells = new short[codes.Bases.Length];
        _current = _default;
    }

    /// <summary>Chooses the table and writes its description.</summary>
    /// <param name="codes">All codes of the block; at least one.</param>
    /// <param name="target">Receives the description.</param>
    /// <param name="modes">How the block names its tables, two bits for each: this one is added.</param>
    /// <returns>The bytes of the description; -1 when it does not fit.</returns>
    public int Prepare(ReadOnlySpan<byte> codes, Span<byte> target, ref int modes)
    {
        Array.Clear(_counts);
        foreach (var code in codes)
        {
            _counts[code]++;
        }

        var best = DefaultBits();
        _current = _default;
        modes = (modes << 2) | DefaultMode;
        if (_counts[codes[0]] == codes.Length)
        {
            if (best <= 8)
            {
                return 0;
            }

            modes |= SingleMode;
            _table.SetSingle(codes[0]);
            return UseOwn(codes[..1], target);
        }

        Span<byte> description = stackalloc byte[MostDescriptionBytes];
        var symbols = _counts.AsSpan().LastIndexOfAnyExcept(0) + 1;
        if (!TryShare(codes.Length, symbols, out var log))
        {
            return 0;
        }

        var writer = new BitWriter(description);
        SymbolCounts.Write(ref writer, _cells.AsSpan(0, symbols), log);
        var size = writer.FinishForward();
        if (writer.IsFull || (size * 8) + OwnBits(log) >= best)
        {
            return 0;
        }

        modes |= OwnTableMode;
        _table.Build(_cells.AsSpan(0, symbols), log);
        return UseOwn(description[..size], target);
    }

    public int Begin(int code) => _current.Begin(code);

    public int Step(ref BitWriter writer, int state, int code) => _current.Step(ref writer, state, code);

    public void End(ref BitWriter writer, int state) => _current.End(ref writer, state);

    private int UseOwn(ReadOnlySpan<byte> description, Span<byte> target)
    {
        _own.Build(_table);
        _current = _own;
        return description.TryCopyTo(target) ? description.Length : -1;
    }

    private double DefaultBits()
    {
        var bits = 0.0;
        for (var code = 0; code < _counts.Length; code++)
        {
            if (_counts[code] == 0)
            {
                continue;
            }

            var cells = code < _codes.DefaultCounts.Length ? Math.Abs((int)_codes.DefaultCounts[code]) : 0;
            bits += cells == 0 ? double.PositiveInfinity : _counts[code] * (_codes.DefaultLog - Math.Log2(cells));
        }

        return bits;
    }

    private double OwnBits(int log)
    {
        var bits = 0.0;
        for (var code = 0; code < _counts.Length; code++)
        {
            bits += _counts[code] == 0 ? 0 : _counts[code] * (log - Math.Log2(_cells[code]));
        }

        return bits;
    }

    /// <summary>Shares the cells of a table out among the codes, one at least to each that occurs.</summary>
    private bool TryShare(int total, int symbols, out int log)
    {
        var different = symbols - _counts.AsSpan(0, symbols).Count(0);
        log = Math.Clamp(
            Math.Max(BitOperations.Log2((uint)total) - 1, BitOperations.Log2((uint)different) + 1),
            SymbolCounts.SmallestLog,
            Math.Min(LargestLog, _codes.LargestLog));
        var left = 1 << log;
        var largest = 0;
        for (var code = 0; code < symbols; code++)
        {
            var cells = _counts[code] == 0 ? 0 : Math.Max(1, (int)(((long)_counts[code] << log) / total));
            _cells[code] = (short)cells;
            left -= cells;
            largest = _counts[code] > _counts[largest] ? code : largest;
        }

        _cells[largest] += (short)left;
        return _cells[largest] > 0;
    }
}
