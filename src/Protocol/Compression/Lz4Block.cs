using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>The LZ4 block format: sequences of a token, literals, an offset of two bytes and a match length.</summary>
internal static class Lz4Block
{
    private const int ShortestMatch = 4;

    /// <summary>
    /// Decodes into <paramref name="buffer"/> from <paramref name="start"/>, not beyond <paramref name="end"/>.
    /// Matches reach back as far as <paramref name="lowest"/>.
    /// </summary>
    /// <returns>The position behind the last byte; -1 when the block is broken or needs more room.</returns>
    public static int Decompress(ReadOnlySpan<byte> source, Span<byte> buffer, int lowest, int start, int end)
    {
        var from = 0;
        var at = start;
        while (from < source.Length)
        {
            var token = source[from++];
            var run = token >> 4;
            if ((run == 15 && !TryReadMore(source, ref from, ref run)) || run > source.Length - from || run > end - at)
            {
                return -1;
            }

            DecompressionBuffer.CopyLiterals(source, from, buffer, at, run);
            from += run;
            at += run;
            if (from == source.Length)
            {
                return at;
            }

            if (from > source.Length - 2)
            {
                return -1;
            }

            int offset = BinaryPrimitives.ReadUInt16LittleEndian(source[from..]);
            from += 2;
            var length = token & 15;
            if (length == 15 && !TryReadMore(source, ref from, ref length))
            {
                return -1;
            }

            length += ShortestMatch;
            if ((uint)(offset - 1) >= (uint)(at - lowest) || length > end - at)
            {
                return -1;
            }

            DecompressionBuffer.CopyMatch(buffer, at, offset, length);
            at += length;
        }

        // A block ends with literals; one that ends with a match was cut off.
        return -1;
    }

    /// <summary>The most bytes that a block for so many plain bytes takes.</summary>
    public static int LargestSize(int plainSize) => checked(plainSize + (plainSize / 255) + 16);

    /// <summary>Writes a block; the target has at least <see cref="LargestSize"/> bytes. Returns its size.</summary>
    /// <param name="source">Up to 64 KiB.</param>
    /// <param name="target">Receives the block.</param>
    /// <param name="depth">How many earlier places are tried for each match; 0 for the quick way.</param>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> target, int depth = 0)
    {
        if (depth > 0)
        {
            return CompressThoroughly(source, target, depth);
        }

        var positions = ArrayPool<int>.Shared.Rent(MatchFinder.SmallTable);
        var finder = new MatchFinder(source, positions.AsSpan(0, MatchFinder.SmallTable), MatchFinder.NearestWindow);
        var size = Write(source, ref finder, target);
        ArrayPool<int>.Shared.Return(positions);
        return size;
    }

    private static int CompressThoroughly(ReadOnlySpan<byte> source, Span<byte> target, int depth)
    {
        const int Chain = MatchFinder.NearestWindow + 1;
        var tables = ArrayPool<int>.Shared.Rent(ThoroughMatchFinder.SmallTable + Chain);
        var finder = new ThoroughMatchFinder(
            source,
            tables.AsSpan(0, ThoroughMatchFinder.SmallTable),
            tables.AsSpan(ThoroughMatchFinder.SmallTable, Chain),
            depth,
            weighsOffsets: false);
        var size = Write(source, ref finder, target);
        ArrayPool<int>.Shared.Return(tables);
        return size;
    }

    private static int Write<TFinder>(ReadOnlySpan<byte> source, ref TFinder finder, Span<byte> target)
        where TFinder : struct, IMatchFinder, allows ref struct
    {
        var done = 0;
        var written = 0;
        while (finder.TryNext(out var match))
        {
            var length = match.Length - ShortestMatch;
            written += WriteRun(source[done..match.Position], Math.Min(length, 15), target[written..]);
            BinaryPrimitives.WriteUInt16LittleEndian(target[written..], (ushort)match.Offset);
            written += 2;
            written += WriteMore(length, target[written..]);
            done = match.Position + match.Length;
        }

        return written + WriteRun(source[done..], 0, target[written..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadMore(ReadOnlySpan<byte> source, ref int from, ref int length)
    {
        while (from < source.Length)
        {
            var more = source[from++];
            length += more;
            if (more < 255)
            {
                return true;
            }
        }

        return false;
    }

    private static int WriteRun(ReadOnlySpan<byte> run, int matchCode, Span<byte> target)
    {
        target[0] = (byte)((Math.Min(run.Length, 15) << 4) | matchCode);
        var written = 1 + WriteMore(run.Length, target[1..]);
        run.CopyTo(target[written..]);
        return written + run.Length;
    }

    private static int WriteMore(int length, Span<byte> target)
    {
        if (length < 15)
        {
            return 0;
        }

        var written = 0;
        for (length -= 15; length >= 255; length -= 255)
        {
            target[written++] = 255;
        }

        target[written++] = (byte)length;
        return written;
    }
}
