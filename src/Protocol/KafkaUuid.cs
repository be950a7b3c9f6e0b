using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Orleans.Kafka.Protocol;

/// <summary>
/// 16 bytes that name a topic, a log directory or a member, in the order of the wire. As text it is URL-safe base64
/// without padding, 22 characters, as Kafka's tools and files show it.
/// </summary>
/// <param name="High">The first eight bytes, big-endian.</param>
/// <param name="Low">The last eight bytes, big-endian.</param>
public readonly record struct KafkaUuid(ulong High, ulong Low)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 16;

    /// <summary>No id.</summary>
    public static KafkaUuid Zero => default;

    /// <summary>Takes the first 16 bytes of <paramref name="source"/>.</summary>
    public static KafkaUuid Read(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[8..]));

    /// <summary>
    /// Draws a random id (version 4). Kafka keeps ids whose text begins with a dash, and the first hundred, for
    /// itself: those are not drawn.
    /// </summary>
    public static KafkaUuid Create(Random random)
    {
        Span<byte> bytes = stackalloc byte[Size];
        do
        {
            random.NextBytes(bytes);
            bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
            bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        }
        while (bytes[0] >> 2 == 62);

        return Read(bytes);
    }

    /// <summary>Reads the text form; false when it is not exactly 16 bytes of URL-safe base64.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out KafkaUuid id)
    {
        id = default;
        Span<byte> bytes = stackalloc byte[Size + 2];
        if (text is null || text.Length is < 22 or > 24 || !Base64Url.IsValid(text)
            || !Base64Url.TryDecodeFromChars(text, bytes, out var written) || written != Size)
        {
            return false;
        }

        id = Read(bytes);
        return true;
    }

    /// <summary>Writes the 16 bytes to the front of <paramref name="target"/>.</summary>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, High);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], Low);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Base64Url.EncodeToString(bytes);
    }
}
