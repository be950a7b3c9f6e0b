using System.Buffers.Binary;

namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>The literals section of a block (RFC 8878, 3.1.1.3.1).</summary>
internal sealed class ZstdLiterals
{
    private const int RawLiterals = 0;
    private const int RepeatedLiterals = 1;
    private const int TreelessLiterals = 3;
    private const int JumpTableSize = 6;

    private readonly HuffmanTable _table = new();
    private byte[] _decoded = [];

    public void BeginFrame() => _table.Clear();

    /// <summary>Reads the section at the beginning of a block.</summary>
    /// <param name="source">The block.</param>
    /// <param name="largestSize">The most literals that a block may have.</param>
    /// <param name="literals">Valid until the next call.</param>
    /// <param name="bytes">How long the section is.</param>
    public bool TryRead(
        ReadOnlySpan<byte> source, int largestSize, out ReadOnlySpan<byte> literals, out int bytes)
    {
        literals = default;
        bytes = 0;
        if (source.IsEmpty)
        {
            return false;
        }

        return (source[0] & 3) <= RepeatedLiterals
            ? TryReadPlain(source, largestSize, out literals, out bytes)
            : TryReadCoded(source, largestSize, out literals, out bytes);
    }

    private bool TryReadPlain(
        ReadOnlySpan<byte> source, int largestSize, out ReadOnlySpan<byte> literals, out int bytes)
    {
        literals = default;
        bytes = 0;
        var format = (source[0] >> 2) & 3;
        var headerSize = format == 3 ? 3 : format == 1 ? 2 : 1;
        if (source.Length < headerSize)
        {
            return false;
        }

        var size = headerSize switch
        {
            1 => source[0] >> 3,
            2 => BinaryPrimitives.ReadUInt16LittleEndian(source) >> 4,
            _ => (BinaryPrimitives.ReadUInt16LittleEndian(source) | (source[2] << 16)) >> 4,
        };
        var isRaw = (source[0] & 3) == RawLiterals;
        bytes = headerSize + (isRaw ? size : 1);
        if (size > largestSize || bytes > source.Length)
        {
            return false;
        }

        if (isRaw)
        {
            literals = source.Slice(headerSize, size);
            return true;
        }

        var repeated = Space(size);
        repeated.Fill(source[headerSize]);
        literals = repeated;
        return true;
    }

    private bool TryReadCoded(
        ReadOnlySpan<byte> source, int largestSize, out ReadOnlySpan<byte> literals, out int bytes)
    {
        literals = default;
        bytes = 0;
        var format = (source[0] >> 2) & 3;
        var headerSize = format < 2 ? 3 : format + 2;
        if (source.Length < headerSize)
        {
            return false;
        }

        ulong header = 0;
        for (var i = 0; i < headerSize; i++)
        {
            header |= (ulong)source[i] << (8 * i);
        }

        var sizeBits = format < 2 ? 10 : (4 * format) + 6;
        var mask = (1 << sizeBits) - 1;
        var size = (int)(header >> 4) & mask;
        var codedSize = (int)(header >> (4 + sizeBits)) & mask;
        bytes = headerSize + codedSize;
        if (size > largestSize || bytes > source.Length)
        {
            return false;
        }

        var coded = source.Slice(headerSize, codedSize);
        if ((source[0] & 3) != TreelessLiterals)
        {
            if (!_table.TryRead(coded, out var tableSize))
            {
                return false;
            }

            coded = coded[tableSize..];
        }

        var decoded = Space(size);
        literals = decoded;
        return _table.IsSet && (format == 0 ? _table.TryDecode(coded, decoded) : TryDecodeFour(coded, decoded));
    }

    private bool TryDecodeFour(ReadOnlySpan<byte> coded, Span<byte> decoded)
    {
        var part = (decoded.Length + 3) / 4;
        if (coded.Length < JumpTableSize || part * 3 > decoded.Length)
        {
            return false;
        }

        int first = BinaryPrimitives.ReadUInt16LittleEndian(coded);
        int second = BinaryPrimitives.ReadUInt16LittleEndian(coded[2..]);
        int third = BinaryPrimitives.ReadUInt16LittleEndian(coded[4..]);
        var streams = coded[JumpTableSize..];
        if (first + second + third > streams.Length)
        {
            return false;
        }

        return _table.TryDecode(streams[..first], decoded[..part])
            && _table.TryDecode(streams.Slice(first, second), decoded.Slice(part, part))
            && _table.TryDecode(streams.Slice(first + second, third), decoded.Slice(2 * part, part))
            && _table.TryDecode(streams[(first + second + third)..], decoded[(3 * part)..]);
    }

    private Span<byte> Space(int size)
    {
        if (_decoded.Length < size)
        {
            _decoded = new byte[ZstdBlocks.LargestBlock];
        }

        return _decoded.AsSpan(0, size);
    }
}
