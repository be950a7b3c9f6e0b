using System.Buffers;
using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>One raw Snappy block: the plain size as a varint, then literals and copies.</summary>
internal static class SnappyBlock
{
    /// <summary>A copy of 3 bytes gives at most 64: nothing expands more than this.</summary>
    private const int LargestExpansion = 22;

    private const int LongestCopy = 64;

    public static bool TryDecompress(ReadOnlySpan<byte> source, DecompressionBuffer buffer)
    {
        var at = 0;
        if (!TryReadLength(source, ref at, out var size)
            || size > (long)source.Length * LargestExpansion
            || !buffer.TryReserve((int)size))
        {
            return false;
        }

        if (!TryDecode(source[at..], buffer.Raw, buffer.Length, buffer.Length + (int)size))
        {
            return false;
        }

        buffer.Advance((int)size);
        return true;
    }

    /// <summary>The most bytes that a block for so many plain bytes takes.</summary>
    public static int LargestSize(int plainSize) => checked(5 + plainSize + (plainSize / 6) + 32);

    /// <summary>Writes a block; the target has at least <see cref="LargestSize"/> bytes. Returns its size.</summary>
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        var written = WriteLength((uint)source.Length, target);
        var positions = ArrayPool<int>.Shared.Rent(MatchFinder.SmallTable);
        var finder = new MatchFinder(source, positions.AsSpan(0, MatchFinder.SmallTable), MatchFinder.NearestWindow);
        var done = 0;
        while (finder.TryNext(out var match))
        {
            written += WriteLiterals(source[done..match.Position], target[written..]);
            written += WriteCopies(match.Offset, match.Length, target[written..]);
            done = match.Position + match.Length;
        }

        ArrayPool<int>.Shared.Return(positions);
        return written + WriteLiterals(source[done..], target[written..]);
    }

    private static bool TryReadLength(ReadOnlySpan<byte> source, ref int at, out uint length)
    {
        ulong value = 0;
        length = 0;
        for (var shift = 0; shift <= 28; shift += 7)
        {
            if (at >= source.Length)
            {
                return false;
            }

            var next = source[at++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                length = (uint)value;
                return value <= int.MaxValue;
            }
        }

        return false;
    }

    private static bool TryDecode(ReadOnlySpan<byte> source, Span<byte> buffer, int start, int end)
    {
        var from = 0;
        var at = start;
        while (from < source.Length)
        {
            int tag = source[from++];
            if ((tag & 3) == 0)
            {
                if (!TryReadLiteralLength(source, ref from, tag >> 2, out var run)
                    || run > source.Length - from || run > end - at)
                {
                    return false;
                }

                DecompressionBuffer.CopyLiterals(source, from, buffer, at, run);
                from += run;
                at += run;
                continue;
            }

            if (!TryReadCopy(source, ref from, tag, out var offset, out var length)
                || (uint)(offset - 1) >= (uint)(at - start) || length > end - at)
            {
                return false;
            }

            DecompressionBuffer.CopyMatch(buffer, at, offset, length);
            at += length;
        }

        return at == end;
    }

    private static bool TryReadLiteralLength(ReadOnlySpan<byte> source, ref int from, int code, out int length)
    {
        length = code + 1;
        if (code < 60)
        {
            return true;
        }

        var bytes = code - 59;
        if (bytes > source.Length - from)
        {
            return false;
        }

        uint value = 0;
        for (var i = 0; i < bytes; i++)
        {
            value |= (uint)source[from + i] << (8 * i);
        }

        from += bytes;
        length = (int)value + 1;
        return value < int.MaxValue;
    }

    private static bool TryReadCopy(ReadOnlySpan<byte> source, ref int from, int tag, out int offset, out int length)
    {
        var bytes = (tag & 3) == 3 ? 4 : tag & 3;
        offset = 0;
        length = (tag >> 2) + 1;
        if (bytes > source.Length - from)
        {
            return false;
        }

        switch (bytes)
        {
            case 1:
                length = ((tag >> 2) & 7) + 4;
                offset = ((tag >> 5) << 8) | source[from];
                break;
            case 2:
                offset = BinaryPrimitives.ReadUInt16LittleEndian(source[from..]);
                break;
            default:
                offset = BinaryPrimitives.ReadInt32LittleEndian(source[from..]);
                break;
        }

        from += bytes;
        return true;
    }

    private static int WriteLength(uint length, Span<byte> target)
    {
        var written = 0;
        for (; length >= 0x80; length >>= 7)
        {
            target[written++] = (byte)(length | 0x80);
        }

        target[written++] = (byte)length;
        return written;
    }

    private static int WriteLiterals(ReadOnlySpan<byte> run, Span<byte> target)
    {
        if (run.IsEmpty)
        {
            return 0;
        }

        var last = (uint)run.Length - 1;
        var written = 1;
        if (last < 60)
        {
            target[0] = (byte)(last << 2);
        }
        else
        {
            for (var rest = last; rest > 0; rest >>= 8)
            {
                target[written++] = (byte)rest;
            }

            target[0] = (byte)((58 + written) << 2);
        }

        run.CopyTo(target[written..]);
        return written + run.Length;
    }

    private static int WriteCopies(int offset, int length, Span<byte> target)
    {
        var written = 0;
        while (length > 0)
        {
            // A rest of 1 to 3 bytes behind a longest copy would still cost 3 bytes: leave it at least 4.
            var isRestShort = length is > LongestCopy and < LongestCopy + 4;
            var count = isRestShort ? LongestCopy - 4 : Math.Min(length, LongestCopy);
            if (count is >= 4 and <= 11 && offset < 2048)
            {
                target[written] = (byte)(1 | ((count - 4) << 2) | ((offset >> 8) << 5));
                target[written + 1] = (byte)offset;
                written += 2;
            }
            else
            {
                target[written] = (byte)(2 | ((count - 1) << 2));
                BinaryPrimitives.WriteUInt16LittleEndian(target[(written + 1)..], (ushort)offset);
                written += 3;
            }

            length -= count;
        }

        return written;
    }
}
