using System.Numerics;

namespace Orleans.Kafka.Protocol.Records;

/// <summary>
/// The variable-length integers inside records: zig-zag, seven bits a byte, lowest first. (The compact types of
/// the protocol are unsigned varints: not these.)
/// </summary>
public static class RecordVarint
{
    /// <summary>Most bytes of a 32-bit value.</summary>
    public const int MaxBytes32 = 5;

    /// <summary>Most bytes of a 64-bit value.</summary>
    public const int MaxBytes64 = 10;

    /// <summary>Reads a 32-bit value and moves <paramref name="data"/> behind it; false if there is none.</summary>
    public static bool TryRead(scoped ref ReadOnlySpan<byte> data, out int value)
    {
        var raw = 0u;
        for (int i = 0, shift = 0; i < data.Length && i < MaxBytes32; i++, shift += 7)
        {
            var part = data[i];
            raw |= (uint)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                // A fifth byte holds only the top four bits.
                value = (int)(raw >> 1) ^ -(int)(raw & 1);
                data = data[(i + 1)..];
                return i < MaxBytes32 - 1 || part <= 0x0f;
            }
        }

        value = 0;
        return false;
    }

    /// <summary>Reads a 64-bit value and moves <paramref name="data"/> behind it; false if there is none.</summary>
    public static bool TryRead(scoped ref ReadOnlySpan<byte> data, out long value)
    {
        var raw = 0ul;
        for (int i = 0, shift = 0; i < data.Length && i < MaxBytes64; i++, shift += 7)
        {
            var part = data[i];
            raw |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                value = (long)(raw >> 1) ^ -(long)(raw & 1);
                data = data[(i + 1)..];
                return i < MaxBytes64 - 1 || part <= 0x01;
            }
        }

        value = 0;
        return false;
    }

    /// <summary>Bytes that <paramref name="value"/> takes.</summary>
    public static int SizeOf(long value)
    {
        var raw = (ulong)((value << 1) ^ (value >> 63));
        return (70 - BitOperations.LeadingZeroCount(raw | 1)) / 7;
    }

    /// <summary>Writes <paramref name="value"/> and returns the bytes taken.</summary>
    public static int Write(Span<byte> target, long value)
    {
        var raw = (ulong)((value << 1) ^ (value >> 63));
        var at = 0;
        while (raw >= 0x80)
        {
            target[at++] = (byte)(raw | 0x80);
            raw >>= 7;
        }

        target[at++] = (byte)raw;
        return at;
    }
}
