using System.Runtime.CompilerServices;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// The sequences section of a block (RFC 8878, 3.1.1.3.2): how many literals are copied, how far back and how long the
/// bytes lie that are repeated then.
/// </summary>
internal sealed class ZstdSequences
{
    /// <summary>With an offset of more bits the lengths behind it may not lie in the same window.</summary>
    private const int MostOffsetBitsInOneWindow = 24;

    private readonly CodeTable _literalLengths = new(SequenceCodes.LiteralLength);
    private readonly CodeTable _offsets = new(SequenceCodes.Offset);
    private readonly CodeTable _matchLengths = new(SequenceCodes.MatchLength);
    private RecentDistances _recent;

    public void BeginFrame()
    {
        _literalLengths.Forget();
        _offsets.Forget();
        _matchLengths.Forget();
        _recent = RecentDistances.AtBegin;
    }

    /// <summary>Writes what the block stands for to the buffer.</summary>
    /// <param name="source">The section: the rest of the block.</param>
    /// <param name="literals">All the literals of the block.</param>
    /// <param name="buffer">Has <paramref name="room"/> bytes reserved.</param>
    /// <param name="frameStart">No copy reaches back behind this position.</param>
    /// <param name="room">The most bytes that the block may give.</param>
    public bool TryRun(
        ReadOnlySpan<byte> source, ReadOnlySpan<byte> literals, DecompressionBuffer buffer, int frameStart, int room)
    {
        if (!TryReadCount(ref source, out var count))
        {
            return false;
        }

        if (count == 0)
        {
            return source.IsEmpty && literals.Length <= room && buffer.TryAppend(literals);
        }

        if (!TryReadTables(ref source) || !BackwardBits.TryOpen(source, out var bits))
        {
            return false;
        }

        var run = new SequenceRun(literals, buffer.Raw, frameStart, buffer.Length, buffer.Length + room);
        if (!TryRunAll(ref bits, ref run, count) || !run.TryFinish())
        {
            return false;
        }

        buffer.Advance(run.At - buffer.Length);
        return true;
    }

    private static bool TryReadCount(ref ReadOnlySpan<byte> source, out int count)
    {
        count = 0;
        if (source.IsEmpty)
        {
            return false;
        }

        int first = source[0];
        var bytes = first < 128 ? 1 : first < 255 ? 2 : 3;
        if (source.Length < bytes)
        {
            return false;
        }

        count = bytes switch
        {
            1 => first,
            2 => ((first - 128) << 8) + source[1],
            _ => source[1] + (source[2] << 8) + 0x7F00,
        };
        source = source[bytes..];
        return true;
    }

    private bool TryReadTables(ref ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty || (source[0] & 3) != 0)
        {
            return false;
        }

        int modes = source[0];
        source = source[1..];
        return _literalLengths.TryRead(modes >> 6, ref source)
            && _offsets.TryRead((modes >> 4) & 3, ref source)
            && _matchLengths.TryRead((modes >> 2) & 3, ref source);
    }

    private bool TryRunAll(ref BackwardBits bits, ref SequenceRun run, int count)
    {
        var lengths = _literalLengths.States;
        var offsets = _offsets.States;
        var matches = _matchLengths.States;
        var length = lengths[(int)bits.Read(_literalLengths.Log)];
        var offset = offsets[(int)bits.Read(_offsets.Log)];
        var match = matches[(int)bits.Read(_matchLengths.Log)];
        while (true)
        {
            ReadNumbers(
                ref bits, length.Symbol, offset.Symbol, match.Symbol, out var literals, out var code, out var repeat);
            if (bits.Left < 0 || !run.TryStep(literals, _recent.Resolve(code, literals == 0), repeat))
            {
                return false;
            }

            if (--count == 0)
            {
                return bits.Left == 0;
            }

            // At most 9 + 9 + 8 bits: one window holds them.
            var window = bits.Peek();
            bits.Consume(length.Bits + match.Bits + offset.Bits);
            length = Follow(lengths, length, ref window);
            match = Follow(matches, match, ref window);
            offset = Follow(offsets, offset, ref window);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FseState Follow(ReadOnlySpan<FseState> states, FseState from, ref ulong window)
    {
        var next = from.Next + (int)BackwardBits.Top(window, from.Bits);
        window <<= from.Bits;
        return states[next];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ReadNumbers(
        ref BackwardBits bits, byte lengthCode, byte offsetCode, byte matchCode, out uint literals, out uint offset,
        out uint repeat)
    {
        var window = bits.Peek();
        offset = (1u << offsetCode) + (uint)BackwardBits.Top(window, offsetCode);
        window <<= offsetCode;
        bits.Consume(offsetCode);
        if (offsetCode > MostOffsetBitsInOneWindow)
        {
            window = bits.Peek();
        }

        int matchBits = SequenceCodes.MatchLength.Bits[matchCode];
        repeat = SequenceCodes.MatchLength.Bases[matchCode] + (uint)BackwardBits.Top(window, matchBits);
        window <<= matchBits;
        int lengthBits = SequenceCodes.LiteralLength.Bits[lengthCode];
        literals = SequenceCodes.LiteralLength.Bases[lengthCode] + (uint)BackwardBits.Top(window, lengthBits);
        bits.Consume(matchBits + lengthBits);
    }
}
