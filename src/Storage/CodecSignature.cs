namespace Orleans.Kafka.Storage;

/// <summary>The first bytes by which a compressed block is known: a look that costs nothing.</summary>
internal static class CodecSignature
{
    private static ReadOnlySpan<byte> XerialMagic => [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];

    /// <summary>False if the bytes cannot be a block of that codec.</summary>
    /// <param name="codec">1 gzip, 2 snappy, 3 lz4, 4 zstd.</param>
    /// <param name="first">The first bytes, 16 if there are so many.</param>
    /// <param name="length">Bytes of the whole block.</param>
    public static bool Fits(int codec, ReadOnlySpan<byte> first, long length) => codec switch
    {
        1 => first.StartsWith([(byte)0x1f, (byte)0x8b, (byte)8]),
        2 => first.StartsWith(XerialMagic) || FitsRawSnappy(first, length),
        3 => first.StartsWith([(byte)0x04, (byte)0x22, (byte)0x4d, (byte)0x18]),
        4 => FitsZstd(first),
        _ => false,
    };

    // A raw block begins with its uncompressed length; nothing shrinks to less than a 64th in this format,
    // and the first element is always a literal.
    private static bool FitsRawSnappy(ReadOnlySpan<byte> first, long length)
    {
        var size = 0L;
        for (var i = 0; i < first.Length && i < 5; i++)
        {
            size |= (long)(first[i] & 0x7f) << (7 * i);
            if (first[i] < 0x80)
            {
                return size is > 0 and <= int.MaxValue && size <= length * 64
                    && i + 1 < first.Length && (first[i + 1] & 3) == 0;
            }
        }

        return false;
    }

    // A frame, or a skippable frame in front of one.
    private static bool FitsZstd(ReadOnlySpan<byte> first) =>
        first.Length >= 4 && ((first[0] == 0x28 && first[1] == 0xb5 && first[2] == 0x2f && first[3] == 0xfd)
            || ((first[0] & 0xf0) == 0x50 && first[1] == 0x2a && first[2] == 0x4d && first[3] == 0x18));
}
