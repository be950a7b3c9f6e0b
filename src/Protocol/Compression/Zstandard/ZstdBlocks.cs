namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>
/// Reads the blocks of a frame (RFC 8878, 3.1.1.2), one after the other: they build on each other's tables.
/// </summary>
internal sealed class ZstdBlocks
{
    public const int LargestBlock = 128 * 1024;

    private const int HeaderSize = 3;
    private const int RawBlock = 0;
    private const int RepeatedBlock = 1;
    private const int CompressedBlock = 2;

    private readonly ZstdLiterals _literals = new();
    private readonly ZstdSequences _sequences = new();
    private int _frameStart;
    private int _largestBlock;

    /// <param name="start">Where the frame begins in the buffer: nothing before it may be copied.</param>
    /// <param name="largestBlock">The most bytes that a block of this frame may hold.</param>
    public void BeginFrame(int start, int largestBlock)
    {
        _frameStart = start;
        _largestBlock = largestBlock;
        _literals.BeginFrame();
        _sequences.BeginFrame();
    }

    public bool TryReadBlock(ref ReadOnlySpan<byte> source, DecompressionBuffer buffer, out bool isLast)
    {
        isLast = false;
        if (source.Length < HeaderSize)
        {
            return false;
        }

        var header = source[0] | (source[1] << 8) | (source[2] << 16);
        isLast = (header & 1) != 0;
        var type = (header >> 1) & 3;
        var size = header >> 3;
        var stored = type == RepeatedBlock ? 1 : size;
        source = source[HeaderSize..];
        if (stored > source.Length || size > _largestBlock)
        {
            return false;
        }

        var content = source[..stored];
        source = source[stored..];
        return type switch
        {
            RawBlock => buffer.TryAppend(content),
            RepeatedBlock => buffer.TryFill(content[0], size),
            CompressedBlock => TryReadCompressed(content, buffer),
            _ => false,
        };
    }

    private bool TryReadCompressed(ReadOnlySpan<byte> content, DecompressionBuffer buffer)
    {
        var room = Math.Min(_largestBlock, buffer.Room);
        return buffer.TryReserve(room)
            && _literals.TryRead(content, _largestBlock, out var literals, out var bytes)
            && _sequences.TryRun(content[bytes..], literals, buffer, _frameStart, room);
    }
}
