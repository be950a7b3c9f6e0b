using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// Zstandard frames (RFC 8878, 3.1): one or more, with skippable ones between them. Everything of the format but
/// dictionaries, which Kafka does not use.
/// </summary>
internal static class ZstdFrame
{
    private const uint Magic = 0xFD2FB528;
    private const uint SkippableMagic = 0x184D2A50;
    private const uint SkippableMask = 0xFFFFFFF0;

    /// <summary>What readers accept by default; a frame that needs more is read by no consumer.</summary>
    private const ulong LargestWindow = 128 * 1024 * 1024;

    private const int SingleSegmentFlag = 0x20;
    private const int ReservedFlag = 0x08;
    private const int ChecksumFlag = 0x04;

    [ThreadStatic]
    private static ZstdBlocks? _blocks;

    public static bool TryDecompress(ReadOnlySpan<byte> source, DecompressionBuffer buffer)
    {
        if (source.IsEmpty)
        {
            return false;
        }

        var blocks = _blocks ??= new ZstdBlocks();
        while (!source.IsEmpty)
        {
            if (!BinaryPrimitives.TryReadUInt32LittleEndian(source, out var magic))
            {
                return false;
            }

            source = source[4..];
            var done = magic == Magic
                ? TryReadFrame(ref source, blocks, buffer)
                : (magic & SkippableMask) == SkippableMagic && TrySkip(ref source);
            if (!done)
            {
                return false;
            }
        }

        return true;
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> source)
    {
        if (!BinaryPrimitives.TryReadUInt32LittleEndian(source, out var size) || size > (uint)(source.Length - 4))
        {
            return false;
        }

        source = source[(4 + (int)size)..];
        return true;
    }

    private static bool TryReadFrame(ref ReadOnlySpan<byte> source, ZstdBlocks blocks, DecompressionBuffer buffer)
    {
        if (!TryReadHeader(ref source, out var hasChecksum, out var window, out var contentSize)
            || (contentSize ?? 0) > (ulong)buffer.Room)
        {
            return false;
        }

        var start = buffer.Length;
        blocks.BeginFrame(start, (int)Math.Min(window, ZstdBlocks.LargestBlock));
        bool last;
        do
        {
            if (!blocks.TryReadBlock(ref source, buffer, out last))
            {
                return false;
            }
        }
        while (!last);

        return (contentSize is null || contentSize == (ulong)(buffer.Length - start))
            && (!hasChecksum || TryCheck(ref source, buffer.Written[start..]));
    }

    private static bool TryReadHeader(
        ref ReadOnlySpan<byte> source, out bool hasChecksum, out ulong window, out ulong? contentSize)
    {
        hasChecksum = false;
        window = 0;
        contentSize = null;
        if (source.IsEmpty)
        {
            return false;
        }

        int flags = source[0];
        var isSingleSegment = (flags & SingleSegmentFlag) != 0;
        var windowBytes = isSingleSegment ? 0 : 1;
        var dictionaryBytes = (4 >> (3 - (flags & 3))) & 7;
        var sizeCode = flags >> 6;
        var sizeBytes = sizeCode == 0 ? 1 - windowBytes : 1 << sizeCode;
        var length = 1 + windowBytes + dictionaryBytes + sizeBytes;
        if ((flags & ReservedFlag) != 0 || source.Length < length)
        {
            return false;
        }

        if (source.Slice(1 + windowBytes, dictionaryBytes).ContainsAnyExcept((byte)0))
        {
            return false;
        }

        if (sizeBytes > 0)
        {
            // A size of two bytes counts from 256: below, one byte does.
            contentSize = ReadNumber(source.Slice(length - sizeBytes, sizeBytes)) + (sizeBytes == 2 ? 256u : 0u);
        }

        window = isSingleSegment ? contentSize!.Value : WindowOf(source[1]);
        hasChecksum = (flags & ChecksumFlag) != 0;
        source = source[length..];
        return window <= LargestWindow;
    }

    private static ulong WindowOf(byte descriptor)
    {
        var size = 1ul << (10 + (descriptor >> 3));
        return size + (size / 8 * (ulong)(descriptor & 7));
    }

    private static ulong ReadNumber(ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            value |= (ulong)bytes[i] << (8 * i);
        }

        return value;
    }

    private static bool TryCheck(ref ReadOnlySpan<byte> source, ReadOnlySpan<byte> content)
    {
        if (!BinaryPrimitives.TryReadUInt32LittleEndian(source, out var expected))
        {
            return false;
        }

        source = source[4..];
        return (uint)XxHash64.Compute(content) == expected;
    }
}
