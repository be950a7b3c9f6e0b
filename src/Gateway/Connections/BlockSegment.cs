using System.Buffers;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>One block's share of a frame that spans several.</summary>
internal sealed class BlockSegment : ReadOnlySequenceSegment<byte>
{
    public BlockSegment(ReceiveBlock block, int start, int length, BlockSegment? previous)
    {
        Block = block;
        Memory = new ReadOnlyMemory<byte>(block.Bytes, start, length);
        if (previous is not null)
        {
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }

    public ReceiveBlock Block { get; }
}
