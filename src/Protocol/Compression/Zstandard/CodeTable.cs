namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>The FSE table that holds for one kind of code in a frame, from block to block.</summary>
internal sealed class CodeTable(SequenceCodes codes)
{
    private const int DefaultMode = 0;
    private const int SingleMode = 1;
    private const int OwnTableMode = 2;

    private readonly FseTable _own = new(codes.LargestLog);
    private FseTable? _current;

    public int Log => _current!.Log;

    public ReadOnlySpan<FseState> States => _current!.States;

    /// <summary>A new frame begins: there is no table to repeat.</summary>
    public void Forget() => _current = null;

    /// <summary>Takes the table that a block names by a mode, from the source if it lies there.</summary>
    public bool TryRead(int mode, ref ReadOnlySpan<byte> source)
    {
        switch (mode)
        {
            case DefaultMode:
                _current = codes.DefaultTable;
                return true;
            case SingleMode:
                if (source.IsEmpty || source[0] >= codes.Bases.Length)
                {
                    return false;
                }

                _own.SetSingle(source[0]);
                _current = _own;
                source = source[1..];
                return true;
            case OwnTableMode:
                return TryReadOwn(ref source);
            default:
                return _current is not null;
        }
    }

    private bool TryReadOwn(ref ReadOnlySpan<byte> source)
    {
        Span<short> counts = stackalloc short[codes.Bases.Length];
        if (!SymbolCounts.TryRead(source, counts, codes.LargestLog, out var log, out var symbols, out var bytes))
        {
            return false;
        }

        _own.Build(counts[..symbols], log);
        _current = _own;
        source = source[bytes..];
        return true;
    }
}
