using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>
/// Where decompressed bytes arrive: one piece of pooled memory that grows with what is written and never beyond the
/// limit (rounded up to the next power of two). Back-references of LZ4, Snappy and Zstandard are resolved in it.
/// Not safe for use by several threads at once.
/// </summary>
public sealed class DecompressionBuffer : IDisposable
{
    /// <summary>Bytes behind every reserved range that a copy in steps of 16 may overwrite.</summary>
    internal const int Slack = 32;

    private const int SmallestSize = 4096;

    private byte[] _bytes = [];
    private int _limit;

    /// <summary>The result; valid until the buffer is used again or disposed of.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>As <see cref="Written"/>, for callers that keep it across an await.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    /// <summary>The number of bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>Gives the memory back. The buffer may be used again and then takes new memory.</summary>
    public void Dispose()
    {
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        _bytes = [];
        Length = 0;
    }

    /// <summary>The bytes that may still be written.</summary>
    internal int Room => _limit - Length;

    /// <summary>All the memory, also before and behind what is reserved; the same until the next reserve.</summary>
    internal Span<byte> Raw => _bytes;

    internal void Reset(int limit)
    {
        _limit = Math.Min(limit, Array.MaxLength - Slack);
        Length = 0;
    }

    /// <summary>Raises the limit by a few bytes that a reader needs for itself and cuts off again.</summary>
    internal void Widen(int count) => _limit = (int)Math.Min(Array.MaxLength - Slack, (long)_limit + count);

    /// <summary>Drops the last bytes written; false when there are fewer.</summary>
    internal bool TryCut(int count)
    {
        if (count > Length)
        {
            return false;
        }

        Length -= count;
        return true;
    }

    /// <summary>Makes room for so many more bytes, and slack; false when that is over the limit.</summary>
    internal bool TryReserve(int count)
    {
        if (count > Room)
        {
            return false;
        }

        var needed = (long)Length + count + Slack;
        if (needed > _bytes.Length)
        {
            Grow(needed);
        }

        return true;
    }

    internal void Advance(int count) => Length += count;

    internal bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        if (!TryReserve(bytes.Length))
        {
            return false;
        }

        bytes.CopyTo(_bytes.AsSpan(Length));
        Length += bytes.Length;
        return true;
    }

    internal bool TryFill(byte value, int count)
    {
        if (!TryReserve(count))
        {
            return false;
        }

        _bytes.AsSpan(Length, count).Fill(value);
        Length += count;
        return true;
    }

    /// <summary>
    /// Repeats <paramref name="length"/> bytes that lie <paramref name="offset"/> before <paramref name="at"/>; the two
    /// ranges may overlap, which repeats a pattern. The caller has checked 0 &lt; offset &lt;= at and the length.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CopyMatch(Span<byte> buffer, int at, int offset, int length)
    {
        if (offset >= Vector128<byte>.Count && length <= 64 && at + length <= buffer.Length - Slack)
        {
            ref var start = ref Unsafe.Add(ref MemoryMarshal.GetReference(buffer), at);
            ref var from = ref Unsafe.Subtract(ref start, offset);
            for (nuint done = 0; done < (nuint)length; done += 16)
            {
                Vector128.LoadUnsafe(ref from, done).StoreUnsafe(ref start, done);
            }

            return;
        }

        CopyOverlapping(buffer, at, offset, length);
    }

    /// <summary>Copies a run of literals; in one step of 16 bytes when both sides have the room for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CopyLiterals(ReadOnlySpan<byte> source, int from, Span<byte> buffer, int at, int length)
    {
        if (length <= 16 && from <= source.Length - 16 && at <= buffer.Length - 16)
        {
            Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(source), (nuint)from)
                .StoreUnsafe(ref MemoryMarshal.GetReference(buffer), (nuint)at);
            return;
        }

        source.Slice(from, length).CopyTo(buffer[at..]);
    }

    private static void CopyOverlapping(Span<byte> buffer, int at, int offset, int length)
    {
        var from = at - offset;
        if (offset == 1)
        {
            buffer.Slice(at, length).Fill(buffer[from]);
            return;
        }

        // Each round may copy everything that is there since the pattern began: whole patterns, ever more of them.
        var done = 0;
        while (done < length)
        {
            var count = Math.Min(length - done, offset + done);
            buffer.Slice(from, count).CopyTo(buffer[(at + done)..]);
            done += count;
        }
    }

    private void Grow(long needed)
    {
        var size = (int)Math.Min(Array.MaxLength, Math.Max(Math.Max(needed, SmallestSize), 2L * Length));
        var bytes = ArrayPool<byte>.Shared.Rent(size);
        _bytes.AsSpan(0, Length).CopyTo(bytes);
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
        }

        _bytes = bytes;
    }
}
