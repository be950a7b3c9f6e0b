using System.Buffers;
using Orleans.Kafka.Protocol.Compression.Zstandard;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>
/// Compresses and decompresses the records of a batch. Nothing here throws on bad input, whatever the bytes are, and
/// no length found in the input makes it take memory that the input could not fill.
/// </summary>
public static class Compressions
{
    /// <summary>
    /// Decompresses <paramref name="source"/> and appends the result to <paramref name="target"/>.
    /// </summary>
    /// <param name="codec">The codec named by the batch's attributes; a value that is not assigned gives false.</param>
    /// <param name="source">The compressed bytes: everything behind the header of the batch.</param>
    /// <param name="sizeLimit">The most bytes that the result may have.</param>
    /// <param name="target">Receives the result. On false nothing was written to it.</param>
    /// <returns>False when the bytes are not a complete, valid stream, or hold more than the limit.</returns>
    public static bool TryDecompress(
        CompressionCodec codec, in ReadOnlySequence<byte> source, int sizeLimit, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        using var buffer = new DecompressionBuffer();
        if (!TryDecompress(codec, source, sizeLimit, buffer))
        {
            return false;
        }

        target.Write(buffer.Written);
        return true;
    }

    /// <summary>
    /// Decompresses <paramref name="source"/> into <paramref name="buffer"/>, whose earlier content is dropped. Reading
    /// many batches through one buffer takes no new memory per batch, and the result lies in one piece.
    /// </summary>
    /// <inheritdoc cref="TryDecompress(CompressionCodec, in ReadOnlySequence{byte}, int, IBufferWriter{byte})"/>
    public static bool TryDecompress(
        CompressionCodec codec, in ReadOnlySequence<byte> source, int sizeLimit, DecompressionBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegative(sizeLimit);
        buffer.Reset(sizeLimit);
        var done = codec == CompressionCodec.Gzip
            ? GzipFormat.TryDecompress(source, buffer)
            : TryDecompressContiguous(codec, source, buffer);
        if (!done)
        {
            buffer.Reset(0);
        }

        return done;
    }

    /// <summary>
    /// Compresses <paramref name="source"/> and appends the result to <paramref name="target"/>, in the shape that
    /// Kafka's Java client gives it (Snappy: xerial framing of 32-KiB blocks; LZ4: independent 64-KiB blocks).
    /// </summary>
    /// <param name="codec">A value that is not assigned gives false.</param>
    /// <param name="source">The records of a batch.</param>
    /// <param name="target">Receives the compressed bytes.</param>
    /// <param name="level">
    /// How much time may be spent, in the codec's own numbers (KIP-390): gzip 1 to 9, lz4 1 to 17, zstd up to 22; null
    /// for Kafka's default, which is the quick way with lz4 and zstd. Snappy has no levels.
    /// </param>
    /// <returns>False when the codec is not assigned; then nothing was written to the target.</returns>
    public static bool TryCompress(
        CompressionCodec codec, in ReadOnlySequence<byte> source, IBufferWriter<byte> target, int? level = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        switch (codec)
        {
            case CompressionCodec.None:
                foreach (var piece in source)
                {
                    target.Write(piece.Span);
                }

                return true;
            case CompressionCodec.Gzip:
                GzipFormat.Compress(source, target, level ?? -1);
                return true;
            case CompressionCodec.Snappy or CompressionCodec.Lz4 or CompressionCodec.Zstd:
                CompressContiguous(codec, source, target, level);
                return true;
            default:
                return false;
        }
    }

    private static bool TryDecompressContiguous(
        CompressionCodec codec, in ReadOnlySequence<byte> source, DecompressionBuffer buffer)
    {
        if (source.IsSingleSegment)
        {
            return TryDecompressSpan(codec, source.FirstSpan, buffer);
        }

        if (source.Length > Array.MaxLength)
        {
            return false;
        }

        var copy = ArrayPool<byte>.Shared.Rent((int)source.Length);
        source.CopyTo(copy);
        var done = TryDecompressSpan(codec, copy.AsSpan(0, (int)source.Length), buffer);
        ArrayPool<byte>.Shared.Return(copy);
        return done;
    }

    private static bool TryDecompressSpan(
        CompressionCodec codec, ReadOnlySpan<byte> source, DecompressionBuffer buffer) => codec switch
        {
            CompressionCodec.None => buffer.TryAppend(source),
            CompressionCodec.Snappy => SnappyFraming.TryDecompress(source, buffer),
            CompressionCodec.Lz4 => Lz4Frame.TryDecompress(source, buffer),
            CompressionCodec.Zstd => ZstdFrame.TryDecompress(source, buffer),
            _ => false,
        };

    private static void CompressContiguous(
        CompressionCodec codec, in ReadOnlySequence<byte> source, IBufferWriter<byte> target, int? level)
    {
        byte[]? copy = null;
        var span = source.FirstSpan;
        if (!source.IsSingleSegment)
        {
            copy = ArrayPool<byte>.Shared.Rent(checked((int)source.Length));
            source.CopyTo(copy);
            span = copy.AsSpan(0, (int)source.Length);
        }

        switch (codec)
        {
            case CompressionCodec.Snappy:
                SnappyFraming.Compress(span, target);
                break;
            case CompressionCodec.Lz4:
                Lz4Frame.Compress(span, target, level ?? Lz4Frame.DefaultLevel);
                break;
            default:
                ZstdWriter.Compress(span, target, level ?? ZstdWriter.DefaultLevel);
                break;
        }

        if (copy is not null)
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }
}
