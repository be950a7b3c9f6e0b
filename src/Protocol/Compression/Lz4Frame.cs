using System.Buffers;
using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>
/// The LZ4 frame format, version 1: independent and linked blocks, stored blocks, block and content checksums, content
/// size, several frames in a row, skippable frames. Dictionaries are not known to Kafka and refused.
/// </summary>
internal static class Lz4Frame
{
    /// <summary>The level that Kafka has where none is asked for.</summary>
    public const int DefaultLevel = 9;

    private const uint Magic = 0x184D2204;
    private const uint SkippableMagic = 0x184D2A50;
    private const uint SkippableMask = 0xFFFFFFF0;
    private const uint StoredFlag = 0x80000000;
    private const int VersionBits = 0x40;
    private const int IndependentFlag = 0x20;
    private const int BlockChecksumFlag = 0x10;
    private const int ContentSizeFlag = 0x08;
    private const int ContentChecksumFlag = 0x04;
    private const int ReservedFlag = 0x02;
    private const int DictionaryFlag = 0x01;
    private const int MatchWindow = 64 * 1024;
    private const int SmallestBlockSize = 64 * 1024;

    /// <summary>A byte of a long match length gives at most 255.</summary>
    private const long LargestExpansion = 255;

    public static bool TryDecompress(ReadOnlySpan<byte> source, DecompressionBuffer buffer)
    {
        if (source.IsEmpty)
        {
            return false;
        }

        while (!source.IsEmpty)
        {
            if (!BinaryPrimitives.TryReadUInt32LittleEndian(source, out var magic))
            {
                return false;
            }

            source = source[4..];
            var done = magic == Magic
                ? TryReadFrame(ref source, buffer)
                : (magic & SkippableMask) == SkippableMagic && TrySkip(ref source);
            if (!done)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Writes a frame. As in Kafka the default level, 9, is the quick way; all others look the longer for matches the
    /// higher they are.
    /// </summary>
    public static void Compress(ReadOnlySpan<byte> source, IBufferWriter<byte> target, int level)
    {
        var depth = level == DefaultLevel ? 0 : Math.Min(1 << Math.Clamp(level, 1, 17), ThoroughMatchFinder.GreatestDepth);
        var header = target.GetSpan(7);
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        header[4] = VersionBits | IndependentFlag;
        header[5] = 4 << 4;
        header[6] = HeaderChecksum(header.Slice(4, 2));
        target.Advance(7);
        while (!source.IsEmpty)
        {
            var count = Math.Min(source.Length, SmallestBlockSize);
            WriteBlock(source[..count], target, depth);
            source = source[count..];
        }

        BinaryPrimitives.WriteUInt32LittleEndian(target.GetSpan(4), 0);
        target.Advance(4);
    }

    private static void WriteBlock(ReadOnlySpan<byte> plain, IBufferWriter<byte> target, int depth)
    {
        var block = target.GetSpan(4 + Lz4Block.LargestSize(plain.Length));
        var size = Lz4Block.Compress(plain, block[4..], depth);
        var field = (uint)size;
        if (size >= plain.Length)
        {
            plain.CopyTo(block[4..]);
            size = plain.Length;
            field = (uint)size | StoredFlag;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block, field);
        target.Advance(4 + size);
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

    private static bool TryReadFrame(ref ReadOnlySpan<byte> source, DecompressionBuffer buffer)
    {
        if (!TryReadHeader(ref source, out var flags, out var blockSize, out var contentSize))
        {
            return false;
        }

        var start = buffer.Length;
        while (true)
        {
            if (!BinaryPrimitives.TryReadUInt32LittleEndian(source, out var field))
            {
                return false;
            }

            source = source[4..];
            if (field == 0)
            {
                break;
            }

            if (!TryReadBlock(ref source, field, flags, blockSize, start, buffer))
            {
                return false;
            }
        }

        return (contentSize < 0 || contentSize == buffer.Length - start)
            && ((flags & ContentChecksumFlag) == 0 || TryCheck(ref source, buffer.Written[start..]));
    }

    private static bool TryReadHeader(
        ref ReadOnlySpan<byte> source, out int flags, out int blockSize, out long contentSize)
    {
        flags = 0;
        blockSize = 0;
        contentSize = -1;
        if (source.Length < 3)
        {
            return false;
        }

        flags = source[0];
        var sizeCode = source[1] >> 4;
        if ((flags & 0xC0) != VersionBits || (flags & (ReservedFlag | DictionaryFlag)) != 0
            || sizeCode is < 4 or > 7 || (source[1] & 0x0f) != 0)
        {
            return false;
        }

        blockSize = SmallestBlockSize << (2 * (sizeCode - 4));
        var length = (flags & ContentSizeFlag) != 0 ? 10 : 2;
        if (source.Length <= length || source[length] != HeaderChecksum(source[..length]))
        {
            return false;
        }

        if (length == 10)
        {
            contentSize = BinaryPrimitives.ReadInt64LittleEndian(source[2..]);
        }

        source = source[(length + 1)..];
        return length == 2 || contentSize >= 0;
    }

    private static bool TryReadBlock(
        ref ReadOnlySpan<byte> source, uint field, int flags, int blockSize, int frameStart, DecompressionBuffer buffer)
    {
        var size = field & ~StoredFlag;
        if (size > (uint)source.Length || size > (uint)blockSize)
        {
            return false;
        }

        var block = source[..(int)size];
        source = source[(int)size..];
        if ((flags & BlockChecksumFlag) != 0 && !TryCheck(ref source, block))
        {
            return false;
        }

        if ((field & StoredFlag) != 0)
        {
            return buffer.TryAppend(block);
        }

        var room = (int)Math.Min(Math.Min(blockSize, buffer.Room), size * LargestExpansion);
        if (!buffer.TryReserve(room))
        {
            return false;
        }

        var start = buffer.Length;
        var lowest = (flags & IndependentFlag) != 0 ? start : Math.Max(frameStart, start - MatchWindow);
        var end = Lz4Block.Decompress(block, buffer.Raw, lowest, start, start + room);
        if (end < 0)
        {
            return false;
        }

        buffer.Advance(end - start);
        return true;
    }

    private static bool TryCheck(ref ReadOnlySpan<byte> source, ReadOnlySpan<byte> content)
    {
        if (!BinaryPrimitives.TryReadUInt32LittleEndian(source, out var expected))
        {
            return false;
        }

        source = source[4..];
        return XxHash32.Compute(content) == expected;
    }

    private static byte HeaderChecksum(ReadOnlySpan<byte> descriptor) =>
        (byte)(XxHash32.Compute(descriptor) >> 8);
}
