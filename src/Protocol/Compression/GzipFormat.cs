using System.Buffers;
using System.IO.Compression;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>
/// Gzip (RFC 1952) through the runtime's own zlib. <see cref="GZipStream"/> takes a source that was cut off for one
/// that ended, and ignores rubbish behind it. So a second member with known content is put behind every source: it
/// comes out at the end when, and only when, the source ended with a whole member.
/// </summary>
internal static class GzipFormat
{
    private const int StepSize = 32 * 1024;

    private static ReadOnlySpan<byte> EndContent =>
    [
        0x6f, 0x72, 0x6c, 0x65, 0x61, 0x6e, 0x73, 0x2e, 0x6b, 0x61, 0x66, 0x6b, 0x61, 0x2e, 0x9d, 0xe1,
    ];

    private static ReadOnlyMemory<byte> EndMember { get; } = new byte[]
    {
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xcb, 0x2f, 0xca, 0x49, 0x4d, 0xcc, 0x2b, 0xd6,
        0xcb, 0x4e, 0x4c, 0xcb, 0x4e, 0xd4, 0x9b, 0xfb, 0x10, 0x00, 0xfd, 0xcb, 0x82, 0x94, 0x10, 0x00, 0x00, 0x00,
    };

    private static ReadOnlySpan<byte> EmptyMember =>
    [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    public static bool TryDecompress(in ReadOnlySequence<byte> source, DecompressionBuffer buffer)
    {
        if (source.IsEmpty)
        {
            return false;
        }

        try
        {
            using var bytes = new SequenceStream(source, EndMember);
            using var gzip = new GZipStream(bytes, CompressionMode.Decompress);
            return TryReadToEnd(gzip, buffer);
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    public static void Compress(in ReadOnlySequence<byte> source, IBufferWriter<byte> target, int level)
    {
        if (source.IsEmpty)
        {
            // The stream writes nothing at all when nothing was written to it.
            target.Write(EmptyMember);
            return;
        }

        using var bytes = new WriterStream(target);
        using var gzip = level is >= 1 and <= 9
            ? new GZipStream(bytes, new ZLibCompressionOptions { CompressionLevel = level })
            : new GZipStream(bytes, CompressionLevel.Optimal);
        foreach (var piece in source)
        {
            gzip.Write(piece.Span);
        }
    }

    private static bool TryReadToEnd(GZipStream gzip, DecompressionBuffer buffer)
    {
        buffer.Widen(EndContent.Length);
        while (buffer.Room > 0)
        {
            var room = Math.Min(buffer.Room, StepSize);
            buffer.TryReserve(room);
            var count = gzip.Read(buffer.Raw.Slice(buffer.Length, room));
            if (count == 0)
            {
                break;
            }

            buffer.Advance(count);
        }

        Span<byte> oneMore = stackalloc byte[1];
        return buffer.Written.EndsWith(EndContent)
            && gzip.Read(oneMore) == 0
            && buffer.TryCut(EndContent.Length);
    }
}
