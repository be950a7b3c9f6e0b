using System.Buffers;
using System.Buffers.Binary;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// The header of a frame, and its body. Reads both request header versions, as tolerantly as Kafka does.
/// </summary>
internal ref struct RequestFrame
{
    private const int FixedBytes = 8;

    /// <summary>A header that is split between blocks is looked at through a copy of at most this size.</summary>
    private const int MaxHeaderBytes = 128 * 1024;

    public ApiKey ApiKey;
    public short ApiVersion;
    public int CorrelationId;
    public ReadOnlySpan<byte> ClientId;
    public bool HasClientId;
    public ReadOnlySequence<byte> Body;

    /// <summary>Reads what every header begins with. Frames are never shorter.</summary>
    public static RequestFrame ReadFixed(in ReadOnlySequence<byte> frame)
    {
        ReadOnlySpan<byte> span = frame.FirstSpan;
        if (span.Length < FixedBytes)
        {
            span = frame.Slice(0, FixedBytes).ToArray();
        }

        return new RequestFrame
        {
            ApiKey = (ApiKey)BinaryPrimitives.ReadInt16BigEndian(span),
            ApiVersion = BinaryPrimitives.ReadInt16BigEndian(span[2..]),
            CorrelationId = BinaryPrimitives.ReadInt32BigEndian(span[4..]),
        };
    }

    /// <summary>Reads the rest of the header and finds the body; false when the header is malformed.</summary>
    public bool TryReadRest(in ReadOnlySequence<byte> frame, bool tagged)
    {
        ReadOnlySpan<byte> first = frame.FirstSpan;
        int length = HeaderLength(first, tagged);
        if (length < 0 && frame.Length > first.Length)
        {
            first = frame.Slice(0, Math.Min(frame.Length, MaxHeaderBytes)).ToArray();
            length = HeaderLength(first, tagged);
        }

        if (length < 0)
        {
            return false;
        }

        Body = frame.Slice(length);
        return true;
    }

    private int HeaderLength(ReadOnlySpan<byte> span, bool tagged)
    {
        if (span.Length < FixedBytes + 2)
        {
            return -1;
        }

        int clientIdLength = BinaryPrimitives.ReadInt16BigEndian(span[FixedBytes..]);
        int position = FixedBytes + 2;
        HasClientId = clientIdLength >= 0;
        if (HasClientId)
        {
            if (clientIdLength > span.Length - position)
            {
                return -1;
            }

            ClientId = span.Slice(position, clientIdLength);
            position += clientIdLength;
        }

        return tagged ? SkipTaggedFields(span, position) : position;
    }

    private static int SkipTaggedFields(ReadOnlySpan<byte> span, int position)
    {
        if (!TryReadUnsigned(span, ref position, out uint count))
        {
            return -1;
        }

        for (; count > 0; count--)
        {
            if (!TryReadUnsigned(span, ref position, out _)
                || !TryReadUnsigned(span, ref position, out uint size)
                || size > (uint)(span.Length - position))
            {
                return -1;
            }

            position += (int)size;
        }

        return position;
    }

    private static bool TryReadUnsigned(ReadOnlySpan<byte> span, ref int position, out uint value)
    {
        value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            if (position >= span.Length)
            {
                return false;
            }

            byte b = span[position++];
            value |= (uint)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return true;
            }
        }

        return false;
    }
}
