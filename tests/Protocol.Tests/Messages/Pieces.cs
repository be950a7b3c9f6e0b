using System.Buffers;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Bytes cut into segments, as they come from a socket.</summary>
internal static class Pieces
{
    /// <summary>Cuts into segments of <paramref name="size"/> bytes, with an empty one here and there.</summary>
    public static ReadOnlySequence<byte> Of(byte[] bytes, int size)
    {
        var first = new Piece(default, 0);
        var last = first;
        for (var at = 0; at < bytes.Length; at += size)
        {
            last = last.Append(bytes.AsMemory(at, Math.Min(size, bytes.Length - at)));
            if (at % 3 == 0)
            {
                last = last.Append(default);
            }
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> bytes, long index)
        {
            Memory = bytes;
            RunningIndex = index;
        }

        public Piece Append(ReadOnlyMemory<byte> bytes)
        {
            var next = new Piece(bytes, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
