using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;

namespace Orleans.Kafka.Protocol;

/// <summary>
/// Writes the primitive types of the Kafka protocol into the spans of an <see cref="IBufferWriter{T}"/>, without
/// allocating. Bytes reach the output when a span is full and on <see cref="Complete"/>, which must come last.
/// </summary>
public ref partial struct KafkaWriter
{
    /// <summary>Scratch space that <see cref="Measuring"/> needs, in bytes.</summary>
    public const int MeasuringScratch = 32;

    private const int MaxStringLength = short.MaxValue;
    private const int MinSpan = 256;
    private const int MaxBytesPerChar = 3;

    private readonly IBufferWriter<byte>? _output;
    private Span<byte> _span;
    private int _used;
    private long _flushed;

    /// <summary>Writes to <paramref name="output"/>.</summary>
    public KafkaWriter(IBufferWriter<byte> output)
    {
        _output = output;
    }

    private KafkaWriter(Span<byte> scratch)
    {
        _span = scratch;
        Flexible = true;
    }

    /// <summary>
    /// Whether strings, bytes and arrays get compact lengths and structs end in tagged fields (KIP-482). Messages set
    /// it from their version.
    /// </summary>
    public bool Flexible { get; set; }

    /// <summary>Bytes written so far.</summary>
    public readonly long Written => _flushed + _used;

    /// <summary>
    /// A writer that only counts, in the flexible encoding until told otherwise; nothing is kept of what it is given.
    /// </summary>
    /// <param name="scratch">At least <see cref="MeasuringScratch"/> bytes.</param>
    public static KafkaWriter Measuring(Span<byte> scratch) => new(scratch);

    /// <summary>Length of the body of <paramref name="message"/> in bytes.</summary>
    public static long Measure(IKafkaMessage message, short version)
    {
        var writer = Measuring(stackalloc byte[MeasuringScratch]);
        message.Write(ref writer, version);
        return writer.Written;
    }

    /// <summary>Hands the last bytes to the output.</summary>
    public void Complete()
    {
        _flushed += _used;
        if (_output is not null && _used > 0)
        {
            _output.Advance(_used);
        }

        _span = _output is null ? _span : default;
        _used = 0;
    }

    /// <summary>Writes a signed byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteInt8(sbyte value)
    {
        Reserve(sizeof(sbyte));
        _span[_used++] = (byte)value;
    }

    /// <summary>Writes 1 or 0.</summary>
    public void WriteBool(bool value) => WriteInt8(value ? (sbyte)1 : (sbyte)0);

    /// <summary>Writes two bytes.</summary>
    public void WriteInt16(short value)
    {
        Reserve(sizeof(short));
        BinaryPrimitives.WriteInt16BigEndian(_span[_used..], value);
        _used += sizeof(short);
    }

    /// <summary>Writes two bytes, unsigned.</summary>
    public void WriteUInt16(ushort value) => WriteInt16((short)value);

    /// <summary>Writes an error code.</summary>
    public void WriteErrorCode(ErrorCode value) => WriteInt16((short)value);

    /// <summary>Writes four bytes.</summary>
    public void WriteInt32(int value)
    {
        Reserve(sizeof(int));
        BinaryPrimitives.WriteInt32BigEndian(_span[_used..], value);
        _used += sizeof(int);
    }

    /// <summary>Writes four bytes, unsigned.</summary>
    public void WriteUInt32(uint value) => WriteInt32((int)value);

    /// <summary>Writes eight bytes.</summary>
    public void WriteInt64(long value)
    {
        Reserve(sizeof(long));
        BinaryPrimitives.WriteInt64BigEndian(_span[_used..], value);
        _used += sizeof(long);
    }

    /// <summary>Writes an IEEE 754 double.</summary>
    public void WriteFloat64(double value) => WriteInt64(BitConverter.DoubleToInt64Bits(value));

    /// <summary>Writes 16 bytes.</summary>
    public void WriteUuid(KafkaUuid value)
    {
        Reserve(KafkaUuid.Size);
        value.Write(_span[_used..]);
        _used += KafkaUuid.Size;
    }

    /// <summary>Writes an unsigned varint, 1 to 5 bytes.</summary>
    public void WriteUnsignedVarInt(uint value)
    {
        Reserve(5);
        while (value >= 0x80)
        {
            _span[_used++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _span[_used++] = (byte)value;
    }

    /// <summary>Writes a string of at most 32,767 bytes of UTF-8.</summary>
    /// <exception cref="InvalidOperationException">The string is longer.</exception>
    public void WriteString(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        if (length > MaxStringLength)
        {
            ThrowTooLong(length);
        }

        if (Flexible)
        {
            WriteUnsignedVarInt((uint)length + 1);
        }
        else
        {
            WriteInt16((short)length);
        }

        if (_output is null)
        {
            _flushed += length;
            return;
        }

        Reserve(length);
        _used += Encoding.UTF8.GetBytes(value, _span[_used..]);
    }

    /// <summary>Writes a string or null.</summary>
    /// <exception cref="InvalidOperationException">The string is longer than 32,767 bytes of UTF-8.</exception>
    public void WriteNullableString(string? value)
    {
        if (value is not null)
        {
            WriteString(value);
        }
        else if (Flexible)
        {
            WriteUnsignedVarInt(0);
        }
        else
        {
            WriteInt16(-1);
        }
    }

    /// <summary>Writes bytes with their length.</summary>
    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteLength(value.Length);
        WriteRaw(value);
    }

    /// <summary>Writes bytes with their length, or null.</summary>
    public void WriteNullableBytes(byte[]? value)
    {
        if (value is null)
        {
            WriteLength(-1);
            return;
        }

        WriteBytes(value);
    }

    /// <summary>Writes records with their length; null counts as empty.</summary>
    /// <exception cref="InvalidOperationException">They are not in memory and the output cannot splice.</exception>
    public void WriteRecords(in RecordSet value)
    {
        WriteLength(value.Length);
        if (_output is null)
        {
            _flushed += value.Length;
        }
        else if (value.IsInMemory)
        {
            foreach (var part in value.Bytes)
            {
                WriteRaw(part.Span);
            }
        }
        else
        {
            Splice(value);
        }
    }

    /// <summary>Writes records with their length, or null.</summary>
    /// <exception cref="InvalidOperationException">They are not in memory and the output cannot splice.</exception>
    public void WriteNullableRecords(in RecordSet value)
    {
        if (value.IsNull)
        {
            WriteLength(-1);
            return;
        }

        WriteRecords(value);
    }

    /// <summary>Writes bytes as they are.</summary>
    public void WriteRaw(scoped ReadOnlySpan<byte> value)
    {
        if (_output is null)
        {
            _flushed += value.Length;
            return;
        }

        while (value.Length > _span.Length - _used)
        {
            var room = _span.Length - _used;
            value[..room].CopyTo(_span[_used..]);
            _used += room;
            value = value[room..];
            Refill(1);
        }

        value.CopyTo(_span[_used..]);
        _used += value.Length;
    }

    /// <summary>Writes the length of an array; -1 is null.</summary>
    public void WriteArrayLength(int count) => WriteLength(count);

    /// <summary>The byte in front of a nullable struct.</summary>
    public void WritePresence(bool isThere) => WriteInt8(isThere ? (sbyte)1 : (sbyte)-1);

    /// <summary>The varint in front of a nullable struct in a tagged field.</summary>
    public void WriteTaggedPresence(bool isThere) => WriteUnsignedVarInt(isThere ? 1u : 0u);

    /// <summary>Writes number and size of a tagged field.</summary>
    public void WriteTag(int tag, int size)
    {
        WriteUnsignedVarInt((uint)tag);
        WriteUnsignedVarInt((uint)size);
    }

    /// <summary>Writes the number of tagged fields that follow.</summary>
    public void WriteTagCount(int count) => WriteUnsignedVarInt((uint)count);

    /// <summary>Ends a struct without tagged fields; writes nothing in a version that is not flexible.</summary>
    public void WriteNoTags()
    {
        if (Flexible)
        {
            WriteInt8(0);
        }
    }

    [DoesNotReturn]
    internal static void ThrowUnsupportedVersion(string message, short version) =>
        throw new ArgumentOutOfRangeException(nameof(version), version, $"{message} has no such version.");

    internal static void ThrowIfNull([NotNull] object? value, string field, short version)
    {
        if (value is null)
        {
            throw new InvalidOperationException($"{field} may not be null in version {version}.");
        }
    }

    [DoesNotReturn]
    private static void ThrowTooLong(int length) =>
        throw new InvalidOperationException($"A string of {length} bytes does not fit the protocol.");

    private void WriteLength(int length)
    {
        if (Flexible)
        {
            WriteUnsignedVarInt((uint)(length + 1));
        }
        else
        {
            WriteInt32(length);
        }
    }

    private void Splice(in RecordSet records)
    {
        if (_output is not IKafkaOutput output)
        {
            throw new InvalidOperationException("These records are not in memory and the output cannot splice.");
        }

        Complete();
        output.Splice(records);
        _flushed += records.Length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Reserve(int size)
    {
        if (_span.Length - _used < size)
        {
            Refill(size);
        }
    }

    private void Refill(int size)
    {
        _flushed += _used;
        if (_output is not null)
        {
            if (_used > 0)
            {
                _output.Advance(_used);
            }

            _span = _output.GetSpan(Math.Max(size, MinSpan));
        }

        _used = 0;
    }
}
