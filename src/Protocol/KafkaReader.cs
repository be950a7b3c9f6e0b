using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace Orleans.Kafka.Protocol;

/// <summary>
/// Reads the primitive types of the Kafka protocol. It never throws on what it reads: the first malformed or missing
/// byte sets <see cref="Failed"/>, from then on every read gives zero, null or empty and nothing is left. No memory is
/// taken for a length before that many bytes are known to be there.
/// </summary>
public ref partial struct KafkaReader
{
    private const int MaxStringLength = short.MaxValue;
    private const int StackLimit = 512;

    private readonly ReadOnlySequence<byte> _sequence;
    private ReadOnlySpan<byte> _span;
    private SequencePosition _segment;
    private SequencePosition _next;
    private long _behind;
    private int _index;
    private bool _failed;

    /// <summary>Reads <paramref name="bytes"/> from the front.</summary>
    public KafkaReader(ReadOnlySequence<byte> bytes)
    {
        _sequence = bytes;
        _segment = bytes.Start;
        _span = bytes.FirstSpan;
        if (!bytes.IsSingleSegment)
        {
            _behind = bytes.Length - _span.Length;
            _next = bytes.Start;
            _ = bytes.TryGet(ref _next, out _);
        }
    }

    /// <summary>Reads <paramref name="bytes"/> from the front.</summary>
    public KafkaReader(ReadOnlyMemory<byte> bytes)
        : this(new ReadOnlySequence<byte>(bytes))
    {
    }

    /// <summary>Whether anything read so far was malformed or missing. Once set it stays.</summary>
    public readonly bool Failed => _failed;

    /// <summary>Bytes not read yet; 0 after a failure.</summary>
    public readonly long Remaining => _span.Length - _index + _behind;

    /// <summary>
    /// Whether strings, bytes and arrays have compact lengths and structs end in tagged fields (KIP-482). Messages set
    /// it from their version.
    /// </summary>
    public bool Flexible { get; set; }

    /// <summary>Marks the input as malformed.</summary>
    public void Fail()
    {
        _failed = true;
        _span = default;
        _index = 0;
        _behind = 0;
    }

    /// <summary>Reads a signed byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public sbyte ReadInt8() => (sbyte)ReadByte();

    /// <summary>Reads a byte; anything but 0 is true.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool ReadBool() => ReadByte() != 0;

    /// <summary>Reads two bytes.</summary>
    public short ReadInt16()
    {
        if (_span.Length - _index >= sizeof(short))
        {
            var value = BinaryPrimitives.ReadInt16BigEndian(_span[_index..]);
            _index += sizeof(short);
            return value;
        }

        Span<byte> bytes = stackalloc byte[sizeof(short)];
        return Gather(bytes) ? BinaryPrimitives.ReadInt16BigEndian(bytes) : default;
    }

    /// <summary>Reads two bytes, unsigned.</summary>
    public ushort ReadUInt16() => (ushort)ReadInt16();

    /// <summary>Reads an error code.</summary>
    public ErrorCode ReadErrorCode() => (ErrorCode)ReadInt16();

    /// <summary>Reads four bytes.</summary>
    public int ReadInt32()
    {
        if (_span.Length - _index >= sizeof(int))
        {
            var value = BinaryPrimitives.ReadInt32BigEndian(_span[_index..]);
            _index += sizeof(int);
            return value;
        }

        Span<byte> bytes = stackalloc byte[sizeof(int)];
        return Gather(bytes) ? BinaryPrimitives.ReadInt32BigEndian(bytes) : default;
    }

    /// <summary>Reads four bytes, unsigned.</summary>
    public uint ReadUInt32() => (uint)ReadInt32();

    /// <summary>Reads eight bytes.</summary>
    public long ReadInt64()
    {
        if (_span.Length - _index >= sizeof(long))
        {
            var value = BinaryPrimitives.ReadInt64BigEndian(_span[_index..]);
            _index += sizeof(long);
            return value;
        }

        Span<byte> bytes = stackalloc byte[sizeof(long)];
        return Gather(bytes) ? BinaryPrimitives.ReadInt64BigEndian(bytes) : default;
    }

    /// <summary>Reads an IEEE 754 double.</summary>
    public double ReadFloat64() => BitConverter.Int64BitsToDouble(ReadInt64());

    /// <summary>Reads 16 bytes.</summary>
    public KafkaUuid ReadUuid()
    {
        if (_span.Length - _index >= KafkaUuid.Size)
        {
            var value = KafkaUuid.Read(_span[_index..]);
            _index += KafkaUuid.Size;
            return value;
        }

        Span<byte> bytes = stackalloc byte[KafkaUuid.Size];
        return Gather(bytes) ? KafkaUuid.Read(bytes) : default;
    }

    /// <summary>Reads an unsigned varint of at most 5 bytes and 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint ReadUnsignedVarInt()
    {
        // Nearly all of them are short lengths and take one byte.
        if (_index < _span.Length && _span[_index] < 0x80)
        {
            return _span[_index++];
        }

        return ReadLongVarInt();
    }

    /// <summary>Reads a string; null or more than 32,767 bytes is a failure.</summary>
    public string ReadString()
    {
        var length = ReadStringLength();
        if (length > 0)
        {
            return ReadUtf8(length);
        }

        if (length < 0)
        {
            Fail();
        }

        return "";
    }

    /// <summary>Reads a string; any negative length is null, as in Kafka.</summary>
    public string? ReadNullableString()
    {
        var length = ReadStringLength();
        return length < 0 ? null : length == 0 ? "" : ReadUtf8(length);
    }

    /// <summary>
    /// Reads a string as <see cref="ReadNullableString()"/> does, but gives <paramref name="known"/> itself when the
    /// bytes say the same.
    /// </summary>
    public string? ReadNullableString(string? known)
    {
        var length = ReadStringLength();
        if (length <= 0)
        {
            return length < 0 ? null : "";
        }

        if (known is not null && _span.Length - _index >= length
            && Ascii.Equals(_span.Slice(_index, length), known))
        {
            _index += length;
            return known;
        }

        return ReadUtf8(length);
    }

    /// <summary>Reads bytes into an array of their own; null is a failure.</summary>
    public byte[] ReadBytes()
    {
        var bytes = ReadNullableBytes();
        if (bytes is null)
        {
            Fail();
            return [];
        }

        return bytes;
    }

    /// <summary>Reads bytes into an array of their own; any negative length is null.</summary>
    public byte[]? ReadNullableBytes()
    {
        var length = ReadLength();
        if (length < 0)
        {
            return null;
        }

        if (length > Remaining)
        {
            Fail();
            return null;
        }

        if (length == 0)
        {
            return [];
        }

        var bytes = GC.AllocateUninitializedArray<byte>(length);
        _ = Gather(bytes);
        return bytes;
    }

    /// <summary>Takes records as a slice of the input, without a copy; null is a failure.</summary>
    public RecordSet ReadRecords()
    {
        var records = ReadNullableRecords();
        if (records.IsNull)
        {
            Fail();
        }

        return records;
    }

    /// <summary>Takes records as a slice of the input, without a copy; any negative length is null.</summary>
    public RecordSet ReadNullableRecords()
    {
        var length = ReadLength();
        return length < 0 ? RecordSet.Null : new RecordSet(ReadSlice(length));
    }

    /// <summary>Takes the next <paramref name="length"/> bytes as a slice of the input, without a copy.</summary>
    public ReadOnlySequence<byte> ReadSlice(int length)
    {
        if ((uint)length > Remaining)
        {
            Fail();
            return ReadOnlySequence<byte>.Empty;
        }

        var start = _sequence.GetPosition(_index, _segment);
        Skip(length);
        return _sequence.Slice(start, (long)length);
    }

    /// <summary>Reads over <paramref name="count"/> bytes.</summary>
    public void Skip(long count)
    {
        if (count < 0 || count > Remaining)
        {
            Fail();
            return;
        }

        while (count > _span.Length - _index)
        {
            count -= _span.Length - _index;
            NextSegment();
        }

        _index += (int)count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte ReadByte()
    {
        if (_index < _span.Length)
        {
            return _span[_index++];
        }

        return ReadByteBehind();
    }

    private byte ReadByteBehind()
    {
        Span<byte> one = stackalloc byte[1];
        return Gather(one) ? one[0] : (byte)0;
    }

    private uint ReadLongVarInt()
    {
        uint value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var next = ReadByte();
            value |= (uint)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        Fail();
        return 0;
    }

    private int ReadStringLength()
    {
        var length = Flexible ? ReadCompactLength() : ReadInt16();
        if (length > MaxStringLength)
        {
            Fail();
            return 0;
        }

        return length;
    }

    private int ReadLength() => Flexible ? ReadCompactLength() : ReadInt32();

    // Lengths are sent plus one; from 2^31 on they would be negative, which counts as null in Kafka.
    private int ReadCompactLength() => unchecked((int)ReadUnsignedVarInt() - 1);

    private string ReadUtf8(int length)
    {
        if (_span.Length - _index >= length)
        {
            var text = Encoding.UTF8.GetString(_span.Slice(_index, length));
            _index += length;
            return text;
        }

        if (length > Remaining)
        {
            Fail();
            return "";
        }

        var rented = length > StackLimit ? ArrayPool<byte>.Shared.Rent(length) : null;
        var bytes = rented is null ? stackalloc byte[StackLimit] : rented;
        bytes = bytes[..length];
        _ = Gather(bytes);
        var gathered = Encoding.UTF8.GetString(bytes);
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return gathered;
    }

    /// <summary>Fills <paramref name="target"/> from as many segments as it takes; false when they hold less.</summary>
    private bool Gather(scoped Span<byte> target)
    {
        if (target.Length > Remaining)
        {
            Fail();
            return false;
        }

        while (target.Length > _span.Length - _index)
        {
            var part = _span[_index..];
            part.CopyTo(target);
            target = target[part.Length..];
            NextSegment();
        }

        _span.Slice(_index, target.Length).CopyTo(target);
        _index += target.Length;
        return true;
    }

    private void NextSegment()
    {
        _segment = _next;
        _index = 0;
        _span = _sequence.TryGet(ref _next, out var memory) ? memory.Span : default;
        _behind -= _span.Length;
    }
}
