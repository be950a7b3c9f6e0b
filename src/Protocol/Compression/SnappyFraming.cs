using System.Buffers;
using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>
/// The two shapes in which clients send Snappy: Java's xerial framing (a header of 16 bytes, then blocks of at most
/// 32 KiB, each behind its size) and one raw block (librdkafka). A raw block cannot begin like the framing: the magic
/// read as a block would begin with a copy.
/// </summary>
internal static class SnappyFraming
{
    private const int HeaderSize = 16;
    private const int BlockSize = 32 * 1024;

    private static ReadOnlySpan<byte> Magic => [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];

    public static bool TryDecompress(ReadOnlySpan<byte> source, DecompressionBuffer buffer)
    {
        if (!source.StartsWith(Magic))
        {
            return SnappyBlock.TryDecompress(source, buffer);
        }

        if (source.Length < HeaderSize)
        {
            return false;
        }

        var rest = source[HeaderSize..];
        while (!rest.IsEmpty)
        {
            // Streams written one behind the other repeat the header.
            if (rest.StartsWith(Magic) && rest.Length >= HeaderSize)
            {
                rest = rest[HeaderSize..];
                continue;
            }

            if (!BinaryPrimitives.TryReadInt32BigEndian(rest, out var size)
                || (uint)size > (uint)(rest.Length - 4)
                || !SnappyBlock.TryDecompress(rest.Slice(4, size), buffer))
            {
                return false;
            }

            rest = rest[(4 + size)..];
        }

        return true;
    }

    public static void Compress(ReadOnlySpan<byte> source, IBufferWriter<byte> target)
    {
        var header = target.GetSpan(HeaderSize);
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32BigEndian(header[8..], 1);
        BinaryPrimitives.WriteInt32BigEndian(header[12..], 1);
        target.Advance(HeaderSize);
        while (!source.IsEmpty)
        {
            var count = Math.Min(source.Length, BlockSize);
            var block = target.GetSpan(4 + SnappyBlock.LargestSize(count));
            var size = SnappyBlock.Compress(source[..count], block[4..]);
            BinaryPrimitives.WriteInt32BigEndian(block, size);
            target.Advance(4 + size);
            source = source[count..];
        }
    }
}
