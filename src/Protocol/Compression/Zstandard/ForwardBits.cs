namespace Orleans.Kafka.Protocol.Compression.Zstandard;

/// <summary>Reads a few bits from the beginning of a header, lowest first. Behind the end there are zeros.</summary>
internal ref struct ForwardBits(ReadOnlySpan<byte> source)
{
    private readonly ReadOnlySpan<byte> _source = source;
    private int _at;

    /// <summary>The bytes begun so far; more than there are when too much was read.</summary>
    public readonly int BytesRead => (_at + 7) >> 3;

    /// <summary>Reads up to 16 bits.</summary>
    public int Read(int count)
    {
        var first = _at >> 3;
        var value = 0;
        for (var i = 0; i < 3 && first + i < _source.Length; i++)
        {
            value |= _source[first + i] << (8 * i);
        }

        value = (value >> (_at & 7)) & ((1 << count) - 1);
        _at += count;
        return value;
    }

    public void GoBack(int count) => _at -= count;
}
