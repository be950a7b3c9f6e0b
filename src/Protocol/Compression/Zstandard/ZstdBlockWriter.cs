using System.Numerics;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>Writes the compressed blocks of a frame, one after the other.</summary>
internal sealed class ZstdBlockWriter
{
    private const int RawLiterals = 0;
    private const int RepeatedLiterals = 1;
    private const int CodedLiterals = 2;
    private const int FewestCodedLiterals = 32;
    private const int FewestLiteralsInFourStreams = 256;
    private const int JumpTableSize = 6;
    private const int MostDescriptionBytes = 129;

    private const int MostSequences = (ZstdBlocks.LargestBlock / 4) + 1;

    private readonly HuffmanEncoder _huffman = new();
    private readonly CodeWriter _literalLengths = new(SequenceCodes.LiteralLength);
    private readonly CodeWriter _matchLengths = new(SequenceCodes.MatchLength);
    private readonly CodeWriter _offsets = new(SequenceCodes.Offset);
    private readonly byte[] _lengthCodes = new byte[MostSequences];
    private readonly byte[] _matchCodes = new byte[MostSequences];
    private readonly byte[] _offsetCodes = new byte[MostSequences];
    private readonly byte[] _literals = new byte[ZstdBlocks.LargestBlock];
    private readonly (uint Literals, uint Code, uint Match)[] _sequences = new (uint, uint, uint)[MostSequences];

    private RecentDistances _recent;

    public void BeginFrame() => _recent = RecentDistances.AtBegin;

    /// <summary>Writes a block; -1, and nothing of use in the target, when it would not become smaller.</summary>
    public int TryWrite<TFinder>(
        ReadOnlySpan<byte> source, int begin, int end, ref TFinder finder, Span<byte> target)
        where TFinder : struct, IMatchFinder, allows ref struct
    {
        var before = _recent;
        Collect(source, begin, end, ref finder, out var literals, out var sequences);
        var written = WriteLiterals(_literals.AsSpan(0, literals), target);
        var rest = written < 0 ? -1 : WriteSequences(_sequences.AsSpan(0, sequences), target[written..]);
        if (rest < 0)
        {
            // A reader of the plain block learns no distances from it.
            _recent = before;
            return -1;
        }

        return written + rest;
    }

    private void Collect<TFinder>(
        ReadOnlySpan<byte> source, int begin, int end, ref TFinder finder, out int literals, out int sequences)
        where TFinder : struct, IMatchFinder, allows ref struct
    {
        literals = 0;
        sequences = 0;
        var done = begin;
        finder.Limit(begin, end);
        while (finder.TryNext(out var match))
        {
            var run = source[done..match.Position];
            run.CopyTo(_literals.AsSpan(literals));
            literals += run.Length;
            var code = _recent.CodeOf((uint)match.Offset, run.IsEmpty);
            _sequences[sequences++] = ((uint)run.Length, code, (uint)match.Length);
            done = match.Position + match.Length;
        }

        source[done..end].CopyTo(_literals.AsSpan(literals));
        literals += end - done;
    }

    private int WriteLiterals(ReadOnlySpan<byte> literals, Span<byte> target)
    {
        if (literals.Length >= FewestCodedLiterals)
        {
            if (!literals.ContainsAnyExcept(literals[0]))
            {
                return WritePlainLiterals(RepeatedLiterals, literals.Length, literals[..1], target);
            }

            var coded = WriteCodedLiterals(literals, target);
            if (coded > 0)
            {
                return coded;
            }
        }

        return WritePlainLiterals(RawLiterals, literals.Length, literals, target);
    }

    private static int WritePlainLiterals(int type, int size, ReadOnlySpan<byte> content, Span<byte> target)
    {
        var headerSize = size < 32 ? 1 : size < 4096 ? 2 : 3;
        if (headerSize + content.Length > target.Length)
        {
            return -1;
        }

        var format = headerSize == 1 ? 0 : headerSize == 2 ? 1 : 3;
        var header = type | (format << 2) | (size << (headerSize == 1 ? 3 : 4));
        for (var i = 0; i < headerSize; i++)
        {
            target[i] = (byte)(header >> (8 * i));
        }

        content.CopyTo(target[headerSize..]);
        return headerSize + content.Length;
    }

    private int WriteCodedLiterals(ReadOnlySpan<byte> literals, Span<byte> target)
    {
        var isSingle = literals.Length < FewestLiteralsInFourStreams;
        var format = isSingle ? 0 : literals.Length < 1024 ? 1 : literals.Length < 16384 ? 2 : 3;
        var headerSize = format < 2 ? 3 : format + 2;

        // The room for what is worth it: less than the literals as they are.
        var room = Math.Min(target.Length, literals.Length) - headerSize;
        if (room < MostDescriptionBytes || !_huffman.TryPrepare(literals))
        {
            return -1;
        }

        var coded = target.Slice(headerSize, room);
        var size = _huffman.WriteDescription(coded);
        var streams = size == 0 ? -1
            : isSingle ? _huffman.WriteStream(literals, coded[size..])
            : WriteFourStreams(literals, coded[size..]);
        if (streams < 0)
        {
            return -1;
        }

        size += streams;
        var sizeBits = format < 2 ? 10 : (4 * format) + 6;
        var header = CodedLiterals | ((ulong)format << 2)
            | ((ulong)literals.Length << 4) | ((ulong)size << (4 + sizeBits));
        for (var i = 0; i < headerSize; i++)
        {
            target[i] = (byte)(header >> (8 * i));
        }

        return headerSize + size;
    }

    private int WriteFourStreams(ReadOnlySpan<byte> literals, Span<byte> target)
    {
        if (target.Length < JumpTableSize)
        {
            return -1;
        }

        var part = (literals.Length + 3) / 4;
        var written = JumpTableSize;
        for (var i = 0; i < 4; i++)
        {
            var own = literals.Slice(i * part, Math.Min(part, literals.Length - (i * part)));
            var size = _huffman.WriteStream(own, target[written..]);
            if (size is < 0 or > ushort.MaxValue)
            {
                return -1;
            }

            if (i < 3)
            {
                target[2 * i] = (byte)size;
                target[(2 * i) + 1] = (byte)(size >> 8);
            }

            written += size;
        }

        return written;
    }

    private int WriteSequences(ReadOnlySpan<(uint Literals, uint Code, uint Match)> sequences, Span<byte> target)
    {
        if (target.Length < 4)
        {
            return -1;
        }

        var written = WriteCount(sequences.Length, target);
        if (sequences.IsEmpty)
        {
            return written;
        }

        var tables = WriteTables(sequences, target[written..]);
        if (tables < 0)
        {
            return -1;
        }

        written += tables;
        var bits = new BitWriter(target[written..]);
        WriteBits(sequences, ref bits);
        written += bits.FinishBackward();
        return bits.IsFull ? -1 : written;
    }

    /// <summary>Chooses the tables for the three kinds of code and writes those that are the block's own.</summary>
    private int WriteTables(ReadOnlySpan<(uint Literals, uint Code, uint Match)> sequences, Span<byte> target)
    {
        for (var i = 0; i < sequences.Length; i++)
        {
            _lengthCodes[i] = (byte)SequenceCodes.LiteralLength.CodeOf(sequences[i].Literals);
            _offsetCodes[i] = (byte)BitOperations.Log2(sequences[i].Code);
            _matchCodes[i] = (byte)SequenceCodes.MatchLength.CodeOf(sequences[i].Match);
        }

        var (written, modes) = (1, 0);
        (CodeWriter Writer, byte[] Codes)[] kinds =
            [(_literalLengths, _lengthCodes), (_offsets, _offsetCodes), (_matchLengths, _matchCodes)];
        foreach (var (writer, codes) in kinds)
        {
            var size = written > target.Length
                ? -1
                : writer.Prepare(codes.AsSpan(0, sequences.Length), target[written..], ref modes);
            if (size < 0)
            {
                return -1;
            }

            written += size;
        }

        target[0] = (byte)(modes << 2);
        return written;
    }

    private void WriteBits(ReadOnlySpan<(uint Literals, uint Code, uint Match)> sequences, ref BitWriter bits)
    {
        var lengthState = 0;
        var matchState = 0;
        var offsetState = 0;
        for (var i = sequences.Length - 1; i >= 0; i--)
        {
            var (literals, distance, match) = sequences[i];
            var (lengthCode, matchCode, offsetCode) = (_lengthCodes[i], _matchCodes[i], _offsetCodes[i]);
            if (i == sequences.Length - 1)
            {
                offsetState = _offsets.Begin(offsetCode);
                matchState = _matchLengths.Begin(matchCode);
                lengthState = _literalLengths.Begin(lengthCode);
            }
            else
            {
                offsetState = _offsets.Step(ref bits, offsetState, offsetCode);
                matchState = _matchLengths.Step(ref bits, matchState, matchCode);
                lengthState = _literalLengths.Step(ref bits, lengthState, lengthCode);
            }

            WriteRest(ref bits, SequenceCodes.LiteralLength, lengthCode, literals);
            WriteRest(ref bits, SequenceCodes.MatchLength, matchCode, match);
            bits.Write(distance - (1u << offsetCode), offsetCode);
        }

        _matchLengths.End(ref bits, matchState);
        _offsets.End(ref bits, offsetState);
        _literalLengths.End(ref bits, lengthState);
    }

    private static void WriteRest(ref BitWriter bits, SequenceCodes codes, int code, uint value) =>
        bits.Write(value - codes.Bases[code], codes.Bits[code]);

    private static int WriteCount(int count, Span<byte> target)
    {
        if (count < 128)
        {
            target[0] = (byte)count;
            return 1;
        }

        if (count < 0x7F00)
        {
            target[0] = (byte)(128 + (count >> 8));
            target[1] = (byte)count;
            return 2;
        }

        target[0] = 255;
        target[1] = (byte)(count - 0x7F00);
        target[2] = (byte)((count - 0x7F00) >> 8);
        return 3;
    }
}
