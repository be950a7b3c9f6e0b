namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// The reverse of an <see cref="FseTable"/>: symbols are encoded from the last to the first, each by the one state that
/// stands for it and from which the reader reaches the state written before.
/// </summary>
internal sealed class FseEncoder
{
    private readonly byte[] _first;
    private readonly byte[] _from;
    private readonly byte[] _bits;
    private readonly ushort[] _next;
    private int _log;

    /// <summary>For tables that <see cref="Build"/> will name.</summary>
    /// <param name="symbols">One more than the highest symbol.</param>
    /// <param name="largestLog">The largest table, as a power of two: at most 256 states.</param>
    public FseEncoder(int symbols, int largestLog)
    {
        _first = new byte[symbols];
        _from = new byte[symbols << largestLog];
        _bits = new byte[1 << largestLog];
        _next = new ushort[1 << largestLog];
    }

    /// <param name="table">At most 256 states.</param>
    /// <param name="symbols">One more than the highest symbol.</param>
    public FseEncoder(FseTable table, int symbols)
        : this(symbols, table.Log) => Build(table);

    /// <summary>Encodes for another table from now on; only the symbols that it has may follow.</summary>
    public void Build(FseTable table)
    {
        _log = table.Log;
        var size = table.States.Length;
        for (var at = size - 1; at >= 0; at--)
        {
            var state = table.States[at];
            _from.AsSpan((state.Symbol * size) + state.Next, 1 << state.Bits).Fill((byte)at);
            _first[state.Symbol] = (byte)at;
            _bits[at] = state.Bits;
            _next[at] = state.Next;
        }
    }

    /// <summary>
    /// The state of the last symbol. It is the one that reads the most bits: where a stream ends by running out of
    /// them, the reader notices.
    /// </summary>
    public int Begin(int symbol) => _first[symbol];

    /// <summary>Puts a symbol before the others: writes what leads to their state, and gives the new state.</summary>
    public int Step(ref BitWriter writer, int state, int symbol)
    {
        int from = _from[(symbol << _log) + state];
        writer.Write((uint)(state - _next[from]), _bits[from]);
        return from;
    }

    /// <summary>Writes the state of the first symbol.</summary>
    public void End(ref BitWriter writer, int state) => writer.Write((uint)state, _log);
}
