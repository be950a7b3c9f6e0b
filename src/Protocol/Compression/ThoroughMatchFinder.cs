using System.Numerics;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>
/// Finds longer repetitions than <see cref="MatchFinder"/> and takes longer: all positions with the same hash are chained,
/// and before a match is given it is seen whether a longer one begins a byte later.
/// </summary>
internal ref struct ThoroughMatchFinder : IMatchFinder
{
    /// <summary>The entries of the table of hashes for blocks of up to 64 KiB.</summary>
    public const int SmallTable = 1 << 15;

    /// <summary>The entries of the table of hashes for a whole batch.</summary>
    public const int LargeTable = 1 << 17;

    /// <summary>The most entries of a chain table: matches reach back as far.</summary>
    public const int LargestChain = 1 << 20;

    /// <summary>More tries find next to nothing more.</summary>
    public const int GreatestDepth = 1 << 9;

    private const int ShortestMatch = 4;

    // Where nothing repeats, the steps become larger.
    private const int StepShift = 8;

    // Whoever found as much looks no further: what is left to gain is less than the time it costs.
    private const int LongEnough = 256;

    // A near distance takes few bits in a frame of Zstandard; a far one is only worth it for more bytes.
    private const int NearOffset = 1 << 14;

    private readonly ReadOnlySpan<byte> _source;
    private readonly Span<int> _heads;
    private readonly Span<int> _chain;
    private readonly int _depth;
    private readonly bool _weighsOffsets;
    private readonly int _hashShift;
    private readonly int _window;
    private int _inserted;
    private int _lastOffset;
    private int _at;
    private int _end;

    /// <param name="source">The bytes to look through.</param>
    /// <param name="heads">A power of two entries, of any content.</param>
    /// <param name="chain">A power of two entries, of any content; matches reach back nearly as far.</param>
    /// <param name="depth">How many earlier positions are looked at for each.</param>
    /// <param name="weighsOffsets">The last distance used is cheap, far ones are dear.</param>
    public ThoroughMatchFinder(
        ReadOnlySpan<byte> source, Span<int> heads, Span<int> chain, int depth, bool weighsOffsets)
    {
        _source = source;
        _heads = heads;
        _heads.Fill(-1);
        _chain = chain;
        _depth = depth;
        _weighsOffsets = weighsOffsets;
        _hashShift = 32 - BitOperations.Log2((uint)heads.Length);
        _window = chain.Length - 1;
        _end = source.Length;
    }

    /// <inheritdoc/>
    public void Limit(int begin, int end)
    {
        _at = begin;
        _end = end;
    }

    /// <inheritdoc/>
    public bool TryNext(out Match match)
    {
        var lastStart = _end - Match.LastStartBeforeEnd;
        var tries = 1 << StepShift;
        while (_at <= lastStart)
        {
            var best = Best(_at, ShortestMatch - 1);
            if (best.Length == 0)
            {
                _at += tries++ >> StepShift;
                continue;
            }

            while (best.Position < lastStart && best.Length < LongEnough)
            {
                var later = Best(best.Position + 1, best.Length);
                if (later.Length == 0)
                {
                    break;
                }

                best = later;
            }

            _at = best.Position + best.Length;
            _lastOffset = best.Offset;
            match = best;
            return true;
        }

        match = default;
        return false;
    }

    /// <summary>The longest match at a position that is longer than <paramref name="length"/>; one of length 0 if there is none.</summary>
    private Match Best(int position, int length)
    {
        InsertUpTo(position);
        var best = default(Match);
        var sequence = Match.Read4(_source, position);
        if (_weighsOffsets && _lastOffset > 0 && _lastOffset <= position
            && Match.Read4(_source, position - _lastOffset) == sequence)
        {
            var equal = LengthAt(position - _lastOffset, position);
            if (equal > length)
            {
                // Another one has to be longer by more than its distance costs.
                best = new Match(position, _lastOffset, equal);
                length = equal + 2;
            }
        }

        var candidate = _heads[Hash(sequence)];
        for (var i = 0; i < _depth && candidate >= 0 && position - candidate <= _window; i++)
        {
            if (position + length < _end && _source[candidate + length] == _source[position + length]
                && Match.Read4(_source, candidate) == sequence)
            {
                var equal = LengthAt(candidate, position);
                if (equal > length && IsWorth(equal, position - candidate))
                {
                    best = new Match(position, position - candidate, equal);
                    length = equal;
                    if (equal >= LongEnough)
                    {
                        break;
                    }
                }
            }

            candidate = _chain[candidate & (_chain.Length - 1)];
        }

        return best;
    }

    private readonly bool IsWorth(int length, int offset) =>
        !_weighsOffsets || length > ShortestMatch || offset <= NearOffset;

    private readonly int LengthAt(int earlier, int later) =>
        ShortestMatch + Match.CountEqual(_source, earlier + ShortestMatch, later + ShortestMatch, _end);

    private void InsertUpTo(int position)
    {
        for (; _inserted < position; _inserted++)
        {
            ref var head = ref _heads[Hash(Match.Read4(_source, _inserted))];
            _chain[_inserted & (_chain.Length - 1)] = head;
            head = _inserted;
        }
    }

    private readonly int Hash(uint sequence) => (int)((sequence * 2654435761u) >> _hashShift);
}
