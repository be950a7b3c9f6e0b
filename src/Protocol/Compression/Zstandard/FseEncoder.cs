namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// The reverse of an <see cref="FseTable"/>: symbols are encoded from the last to the first, each by the one state that
/// stands for it and from which the reader reaches the state written before.
/// </summary>
internal sealed class FseEncoder
{
    private readonly FseTable _table;
    private readonly byte[] _first;
    private readonly byte[] _from;

    /// <param name="table">At most 256 states.</param>
    /// <param name="symbols">One more than the highest symbol.</param>
    public FseEncoder(FseTable table, int symbols)
    {
        _table = table;
        var size = table.States.Length;
        _first = new byte[symbols];
        _from = new byte[symbols * size];
        for (var at = size - 1; at >= 0; at--)
        {
            var state = table.States[at];
            _from.AsSpan((state.Symbol * size) + state.Next, 1 << state.Bits).Fill((byte)at);
            _first[state.Symbol] = (byte)at;
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
        int from = _from[(symbol << _table.Log) + state];
        var step = _table.States[from];
        writer.Write((uint)(state - step.Next), step.Bits);
        return from;
    }

    /// <summary>Writes the state of the first symbol.</summary>
    public void End(ref BitWriter writer, int state) => writer.Write((uint)state, _table.Log);
}
