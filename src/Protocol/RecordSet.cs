using System.Buffers;

namespace Orleans.Kafka.Protocol;

/// <summary>
/// The record batches in a Produce request or Fetch response, never looked into here: bytes in memory (a slice of the
/// received frame: nothing is copied, so it is valid as long as the frame is), or a range of something that only an
/// <see cref="IKafkaOutput"/> knows how to send, such as a file.
/// </summary>
public readonly struct RecordSet
{
    private readonly ReadOnlySequence<byte> _bytes;
    private readonly object? _source;
    private readonly long _position;
    private readonly int _length;
    private readonly bool _isThere;

    /// <summary>Records in memory; at most 2 GiB.</summary>
    public RecordSet(ReadOnlySequence<byte> bytes)
    {
        _bytes = bytes;
        _length = checked((int)bytes.Length);
        _isThere = true;
    }

    /// <summary>Records in memory.</summary>
    public RecordSet(ReadOnlyMemory<byte> bytes)
        : this(new ReadOnlySequence<byte>(bytes))
    {
    }

    /// <summary>
    /// <paramref name="length"/> bytes from <paramref name="position"/> of <paramref name="source"/>, whose type is
    /// between its maker and the <see cref="IKafkaOutput"/>.
    /// </summary>
    public RecordSet(object source, long position, int length)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _source = source;
        _position = position;
        _length = length;
        _isThere = true;
    }

    /// <summary>Null, as distinct from empty.</summary>
    public static RecordSet Null => default;

    /// <summary>No bytes.</summary>
    public static RecordSet Empty => new(ReadOnlySequence<byte>.Empty);

    /// <summary>Whether the field is null.</summary>
    public bool IsNull => !_isThere;

    /// <summary>Whether <see cref="Bytes"/> holds the records.</summary>
    public bool IsInMemory => _source is null;

    /// <summary>Length in bytes; 0 for null.</summary>
    public int Length => _length;

    /// <summary>The bytes when they are in memory, else empty.</summary>
    public ReadOnlySequence<byte> Bytes => _bytes;

    /// <summary>Where the records are when they are not in memory.</summary>
    public object? Source => _source;

    /// <summary>Position in <see cref="Source"/>, in bytes.</summary>
    public long Position => _position;
}
