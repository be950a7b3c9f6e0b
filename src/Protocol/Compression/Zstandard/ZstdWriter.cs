using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// Writes one Zstandard frame: matches over the whole input, Huffman-coded literals, sequences in the tables that take
/// the fewest bits. Every reader reads it.
/// </summary>
internal static class ZstdWriter
{
    /// <summary>The level that Kafka has where none is asked for.</summary>
    public const int DefaultLevel = 3;

    private const uint Magic = 0xFD2FB528;
    private const byte SizeInFourBytesSingleSegment = 0xA0;
    private const int RawBlock = 0;
    private const int RepeatedBlock = 1;
    private const int CompressedBlock = 2;
    private const int BlockHeaderSize = 3;

    [ThreadStatic]
    private static ZstdBlockWriter? _blockWriter;

    /// <summary>
    /// Writes a frame. Up to the default level, 3, matches are found the quick way; above, the search is the longer the
    /// higher the level.
    /// </summary>
    public static void Compress(ReadOnlySpan<byte> source, IBufferWriter<byte> target, int level)
    {
        var header = target.GetSpan(9);
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        header[4] = SizeInFourBytesSingleSegment;
        BinaryPrimitives.WriteUInt32LittleEndian(header[5..], (uint)source.Length);
        target.Advance(9);

        var roundedSize = (int)BitOperations.RoundUpToPowerOf2((uint)source.Length);
        if (level > DefaultLevel)
        {
            CompressThoroughly(source, roundedSize, level, target);
            return;
        }

        var tableSize = Math.Clamp(roundedSize, MatchFinder.SmallTable, MatchFinder.LargeTable);
        var positions = ArrayPool<int>.Shared.Rent(tableSize);
        var finder = new MatchFinder(source, positions.AsSpan(0, tableSize), int.MaxValue);
        WriteBlocks(source, ref finder, target);
        ArrayPool<int>.Shared.Return(positions);
    }

    private static void CompressThoroughly(
        ReadOnlySpan<byte> source, int roundedSize, int level, IBufferWriter<byte> target)
    {
        var heads = Math.Clamp(roundedSize, MatchFinder.SmallTable, ThoroughMatchFinder.LargeTable);
        var chain = Math.Clamp(roundedSize, MatchFinder.SmallTable, ThoroughMatchFinder.LargestChain);
        var tables = ArrayPool<int>.Shared.Rent(heads + chain);
        var finder = new ThoroughMatchFinder(
            source,
            tables.AsSpan(0, heads),
            tables.AsSpan(heads, chain),
            Math.Min(1 << Math.Min(level - DefaultLevel + 1, 20), ThoroughMatchFinder.GreatestDepth),
            weighsOffsets: true);
        WriteBlocks(source, ref finder, target);
        ArrayPool<int>.Shared.Return(tables);
    }

    private static void WriteBlocks<TFinder>(
        ReadOnlySpan<byte> source, ref TFinder finder, IBufferWriter<byte> target)
        where TFinder : struct, IMatchFinder, allows ref struct
    {
        var blocks = _blockWriter ??= new ZstdBlockWriter();
        blocks.BeginFrame();
        var at = 0;
        do
        {
            var end = Math.Min(source.Length, at + ZstdBlocks.LargestBlock);
            WriteBlock(blocks, source, at, end, ref finder, target);
            at = end;
        }
        while (at < source.Length);
    }

    private static void WriteBlock<TFinder>(
        ZstdBlockWriter blocks, ReadOnlySpan<byte> source, int begin, int end, ref TFinder finder,
        IBufferWriter<byte> target)
        where TFinder : struct, IMatchFinder, allows ref struct
    {
        var plain = source[begin..end];
        var last = end == source.Length ? 1 : 0;
        var span = target.GetSpan(BlockHeaderSize + Math.Max(plain.Length, 1));
        var content = span[BlockHeaderSize..];
        int header;
        int size;
        if (plain.Length > 1 && !plain.ContainsAnyExcept(plain[0]))
        {
            header = (RepeatedBlock << 1) | (plain.Length << 3);
            content[0] = plain[0];
            size = 1;
        }
        else
        {
            size = blocks.TryWrite(source, begin, end, ref finder, content[..plain.Length]);
            header = (CompressedBlock << 1) | (size << 3);
            if (size < 0)
            {
                plain.CopyTo(content);
                size = plain.Length;
                header = (RawBlock << 1) | (size << 3);
            }
        }

        header |= last;
        span[0] = (byte)header;
        span[1] = (byte)(header >> 8);
        span[2] = (byte)(header >> 16);
        target.Advance(BlockHeaderSize + size);
    }
}
