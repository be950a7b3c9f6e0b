using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>A run of bytes that occurred before: where it begins, how far back its copy lies, how long it is.</summary>
internal readonly record struct Match(int Position, int Offset, int Length)
{
    /// <summary>
    /// What LZ4 asks for and the others can live with: the last match begins at least 12 bytes before the end and the
    /// last 5 bytes are literals.
    /// </summary>
    public const int LastStartBeforeEnd = 12;
    private const int LastLiterals = 5;

    /// <summary>Positions are at most 12 bytes before the end: they need no check.</summary>
    public static uint Read4(ReadOnlySpan<byte> source, int position) =>
        Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref MemoryMarshal.GetReference(source), position));

    /// <summary>How many bytes are equal from two positions on, in front of the literals at the end.</summary>
    public static int CountEqual(ReadOnlySpan<byte> source, int earlier, int later, int end)
    {
        var start = later;
        end -= LastLiterals;
        ref var first = ref MemoryMarshal.GetReference(source);
        while (later <= end - 8)
        {
            var difference = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, earlier))
                ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, later));
            if (difference != 0)
            {
                return later - start + EqualBytes(difference);
            }

            earlier += 8;
            later += 8;
        }

        while (later < end && source[earlier] == source[later])
        {
            earlier++;
            later++;
        }

        return later - start;
    }

    private static int EqualBytes(ulong difference) => BitConverter.IsLittleEndian
        ? BitOperations.TrailingZeroCount(difference) >> 3
        : BitOperations.LeadingZeroCount(difference) >> 3;
}

/// <summary>Finds repetitions, from the front to the back.</summary>
internal interface IMatchFinder
{
    /// <summary>Goes on from a position and gives no match that reaches behind an end, until told otherwise.</summary>
    void Limit(int begin, int end);

    /// <summary>The next match behind the last one; false when only literals are left.</summary>
    bool TryNext(out Match match);
}

/// <summary>
/// Finds repetitions of four bytes and more, greedily, by one table of the last position of each hash. Where nothing
/// repeats it takes ever larger steps, so that bytes which do not compress cost little.
/// </summary>
internal ref struct MatchFinder : IMatchFinder
{
    /// <summary>The entries of a table for blocks of up to 64 KiB.</summary>
    public const int SmallTable = 1 << 13;

    /// <summary>The entries of a table for a whole batch.</summary>
    public const int LargeTable = 1 << 16;

    /// <summary>The farthest offset that two bytes hold.</summary>
    public const int NearestWindow = ushort.MaxValue;

    private const int StepShift = 6;

    private readonly ReadOnlySpan<byte> _source;
    private readonly Span<int> _positions;
    private readonly int _window;
    private readonly int _hashShift;
    private int _end;
    private int _at;

    /// <param name="source">The bytes to look through.</param>
    /// <param name="positions">A power of two entries, of any content.</param>
    /// <param name="window">The largest offset to give.</param>
    public MatchFinder(ReadOnlySpan<byte> source, Span<int> positions, int window)
    {
        _source = source;
        _positions = positions;
        _positions.Fill(-1);
        _hashShift = 32 - BitOperations.Log2((uint)positions.Length);
        _window = window;
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
            var sequence = Read4(_at);
            ref var slot = ref _positions[Hash(sequence)];
            var candidate = slot;
            slot = _at;
            if (candidate >= 0 && _at - candidate <= _window && Read4(candidate) == sequence)
            {
                var length = 4 + Match.CountEqual(_source, candidate + 4, _at + 4, _end);
                match = new Match(_at, _at - candidate, length);
                _at += length;
                RememberLast();
                return true;
            }

            _at += tries++ >> StepShift;
        }

        match = default;
        return false;
    }

    private readonly int Hash(uint sequence) => (int)((sequence * 2654435761u) >> _hashShift);

    private readonly uint Read4(int position) => Match.Read4(_source, position);

    private readonly void RememberLast()
    {
        var before = _at - 2;
        if (before <= _end - Match.LastStartBeforeEnd)
        {
            _positions[Hash(Read4(before))] = before;
        }
    }
}
