using System.Runtime.CompilerServices;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>Executes the sequences of a block: literals and copies, each checked against its range.</summary>
internal ref struct SequenceRun(
    ReadOnlySpan<byte> literals, Span<byte> buffer, int frameStart, int at, int end)
{
    private readonly ReadOnlySpan<byte> _literals = literals;
    private readonly Span<byte> _buffer = buffer;
    private readonly int _frameStart = frameStart;
    private readonly int _end = end;
    private int _literal;

    /// <summary>The position behind the last byte written.</summary>
    public int At { get; private set; } = at;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryStep(uint literalLength, uint distance, uint matchLength)
    {
        // Lengths are below 2^18: none of these sums overflows.
        var run = (int)literalLength;
        var match = (int)matchLength;
        if (run > _literals.Length - _literal || run + match > _end - At)
        {
            return false;
        }

        DecompressionBuffer.CopyLiterals(_literals, _literal, _buffer, At, run);
        _literal += run;
        At += run;
        if (distance - 1 >= (uint)(At - _frameStart))
        {
            return false;
        }

        DecompressionBuffer.CopyMatch(_buffer, At, (int)distance, match);
        At += match;
        return true;
    }

    /// <summary>Writes the literals behind the last sequence.</summary>
    public bool TryFinish()
    {
        var rest = _literals[_literal..];
        if (rest.Length > _end - At)
        {
            return false;
        }

        rest.CopyTo(_buffer[At..]);
        At += rest.Length;
        return true;
    }
}
