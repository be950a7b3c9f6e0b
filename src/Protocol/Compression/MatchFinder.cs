using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>A run of bytes that occurred before: where it begins, how far back its copy lies, how long it is.</summary>
internal readonly record struct Match(int Position, int Offset, int Length);

/// <summary>
/// Finds repetitions of four bytes and more, greedily, by one table of the last position of each hash. Where nothing
/// repeats it takes ever larger steps, so that bytes which do not compress cost little.
/// </summary>
internal ref struct MatchFinder
{
    /// <summary>The entries of the table that a caller rents.</summary>
    public const int TableSize = 1 << TableBits;

    /// <summary>The farthest offset that two bytes hold.</summary>
    public const int NearestWindow = ushort.MaxValue;

    /// <summary>
    /// What LZ4 asks for and the others can live with: the last match begins at least 12 bytes before the end and the
    /// last 5 bytes are literals.
    /// </summary>
    private const int LastMatchDistance = 12;
    private const int LastLiterals = 5;
    private const int TableBits = 13;
    private const int StepShift = 6;

    private readonly ReadOnlySpan<byte> _source;
    private readonly Span<int> _positions;
    private readonly int _window;
    private int _at;

    /// <param name="source">The bytes to look through.</param>
    /// <param name="positions">At least <see cref="TableSize"/> entries, of any content.</param>
    /// <param name="window">The largest offset to give.</param>
    public MatchFinder(ReadOnlySpan<byte> source, Span<int> positions, int window)
    {
        _source = source;
        _positions = positions[..TableSize];
        _positions.Fill(-1);
        _window = window;
    }

    /// <summary>The next match behind the last one; false when only literals are left.</summary>
    public bool TryNext(out Match match)
    {
        var lastStart = _source.Length - LastMatchDistance;
        var tries = 1 << StepShift;
        while (_at <= lastStart)
        {
            var sequence = Read4(_at);
            ref var slot = ref _positions[Hash(sequence)];
            var candidate = slot;
            slot = _at;
            if (candidate >= 0 && _at - candidate <= _window && Read4(candidate) == sequence)
            {
                var length = 4 + CountEqual(candidate + 4, _at + 4);
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

    private static int Hash(uint sequence) => (int)((sequence * 2654435761u) >> (32 - TableBits));

    private readonly uint Read4(int position) =>
        BinaryPrimitives.ReadUInt32LittleEndian(_source.Slice(position, 4));

    private readonly void RememberLast()
    {
        var before = _at - 2;
        if (before <= _source.Length - LastMatchDistance)
        {
            _positions[Hash(Read4(before))] = before;
        }
    }

    private readonly int CountEqual(int earlier, int later)
    {
        var start = later;
        var end = _source.Length - LastLiterals;
        ref var first = ref MemoryMarshal.GetReference(_source);
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

        while (later < end && _source[earlier] == _source[later])
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
