using System.Buffers;
using System.Buffers.Binary;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>What <see cref="FrameReceiver.TryPeek"/> found.</summary>
internal enum FrameStatus
{
    /// <summary>A complete frame.</summary>
    Complete,

    /// <summary>More bytes are needed.</summary>
    Incomplete,

    /// <summary>The length prefix is negative or too small for a header.</summary>
    InvalidLength,

    /// <summary>The length prefix is above the limit.</summary>
    TooLarge,
}

/// <summary>
/// Turns what a connection receives into frames without copying them. Between receives an idle connection holds no
/// memory: bytes go into the block of the turn, shared by all connections. What is left of a receive is
/// either small and copied aside, or large, and then the connection takes the whole block over and goes on in it.
/// A length prefix takes no memory; only bytes that came do.
/// </summary>
internal sealed class FrameReceiver(int maxFrameBytes)
{
    /// <summary>A rest up to this many bytes is copied aside.</summary>
    internal const int CarryLimit = 16 * 1024;

    private const int LengthBytes = 4;

    /// <summary>API key, API version, correlation id: less than this cannot be a request.</summary>
    private const int MinFrameBytes = 8;

    private readonly int _maxFrameBytes = maxFrameBytes;
    private byte[]? _carry;
    private int _carryLength;
    private ReceiveBlock? _block;
    private bool _borrowed;
    private int _start;
    private int _end;
    private List<ReceiveBlock>? _more;
    private int _lastEnd;
    private long _available;

    /// <summary>True when bytes of an incomplete (or not yet handled) frame are held.</summary>
    public bool HasBytes => _carryLength > 0 || _available > 0;

    /// <summary>True when whole blocks are held for a frame that is not complete.</summary>
    public bool HasBlocks => _block is not null;

    /// <summary>Length prefix of the frame that <see cref="TryPeek"/> looked at last.</summary>
    public int PeekedLength { get; private set; }

    /// <summary>The block that holds the beginning of the front frame.</summary>
    public ReceiveBlock? FrontBlock => _block;

    /// <summary>Memory for the next receive; follow with <see cref="Commit"/>.</summary>
    public ArraySegment<byte> Prepare(ConnectionTurn turn)
    {
        if (_available == 0 && _block is not null)
        {
            LeaveBlock(turn);
        }

        if (_block is null)
        {
            _block = turn.BorrowBlock(_carryLength, out _start);
            _borrowed = true;
            _end = _start + _carryLength;
            if (_carry is not null)
            {
                _carry.AsSpan(0, _carryLength).CopyTo(_block.Bytes.AsSpan(_start));
                _available = _carryLength;
                DropCarry();
            }
        }
        else if (_more is { Count: > 0 })
        {
            if (_lastEnd == ReceiveBlockPool.BlockBytes)
            {
                _more.Add(turn.Pool.Rent());
                _lastEnd = 0;
            }

            return new ArraySegment<byte>(_more[^1].Bytes, _lastEnd, ReceiveBlockPool.BlockBytes - _lastEnd);
        }
        else if (_end == ReceiveBlockPool.BlockBytes)
        {
            OwnBlock(turn);
            (_more ??= []).Add(turn.Pool.Rent());
            _lastEnd = 0;
            return new ArraySegment<byte>(_more[0].Bytes, 0, ReceiveBlockPool.BlockBytes);
        }

        return new ArraySegment<byte>(_block.Bytes, _end, ReceiveBlockPool.BlockBytes - _end);
    }

    /// <summary>Tells that <paramref name="count"/> bytes came into the memory of <see cref="Prepare"/>.</summary>
    public void Commit(ConnectionTurn turn, int count)
    {
        _available += count;
        if (_more is { Count: > 0 })
        {
            _lastEnd += count;
            return;
        }

        _end += count;
        if (_borrowed)
        {
            turn.AdvanceBlock(_end);
        }
    }

    /// <summary>Looks at the front frame without taking it.</summary>
    public FrameStatus TryPeek(out ReadOnlySequence<byte> frame)
    {
        frame = default;
        if (_available < LengthBytes)
        {
            return FrameStatus.Incomplete;
        }

        PeekedLength = _end - _start >= LengthBytes
            ? BinaryPrimitives.ReadInt32BigEndian(_block!.Bytes.AsSpan(_start))
            : ReadSplitLength();
        if (PeekedLength < MinFrameBytes)
        {
            return FrameStatus.InvalidLength;
        }

        if (PeekedLength > _maxFrameBytes)
        {
            return FrameStatus.TooLarge;
        }

        if (_available < LengthBytes + (long)PeekedLength)
        {
            return FrameStatus.Incomplete;
        }

        frame = _end - _start >= LengthBytes + PeekedLength
            ? new ReadOnlySequence<byte>(_block!.Bytes, _start + LengthBytes, PeekedLength)
            : Chain().Slice(LengthBytes, PeekedLength);
        return FrameStatus.Complete;
    }

    /// <summary>Takes the front frame away. Its bytes stay valid until the turn ends.</summary>
    public void Consume(ConnectionTurn turn)
    {
        int count = LengthBytes + PeekedLength;
        _available -= count;
        while (count > 0)
        {
            int step = Math.Min(count, _end - _start);
            _start += step;
            count -= step;
            if (_start == _end && _more is { Count: > 0 })
            {
                NextBlock(turn);
            }
        }
    }

    /// <summary>Puts what is left where it can wait for the next receive.</summary>
    public void Park(ConnectionTurn turn)
    {
        if (_block is null)
        {
            return;
        }

        if (_available == 0)
        {
            LeaveBlock(turn);
            return;
        }

        if (_more is { Count: > 0 })
        {
            return;
        }

        if (_available <= CarryLimit)
        {
            _carryLength = (int)_available;
            _carry = ArrayPool<byte>.Shared.Rent(_carryLength);
            _block.Bytes.AsSpan(_start, _carryLength).CopyTo(_carry);
            LeaveBlock(turn);
            _available = 0;
        }
        else
        {
            OwnBlock(turn);
        }
    }

    /// <summary>Makes frames that were parked readable again when nothing new was received.</summary>
    public void Restore(ConnectionTurn turn)
    {
        if (_carryLength > 0)
        {
            Prepare(turn);
            Commit(turn, 0);
        }
    }

    /// <summary>Lets go of everything.</summary>
    public void Clear(ConnectionTurn turn)
    {
        DropCarry();
        if (_block is not null)
        {
            LeaveBlock(turn);
        }

        foreach (ReceiveBlock block in _more ?? [])
        {
            turn.Hold(block);
        }

        _more = null;
        _available = 0;
    }

    private void DropCarry()
    {
        if (_carry is not null)
        {
            ArrayPool<byte>.Shared.Return(_carry);
            _carry = null;
            _carryLength = 0;
        }
    }

    private void OwnBlock(ConnectionTurn turn)
    {
        if (_borrowed)
        {
            turn.GiveBlockAway();
            _borrowed = false;
        }
    }

    private void LeaveBlock(ConnectionTurn turn)
    {
        if (!_borrowed)
        {
            turn.Hold(_block!);
        }

        _block = null;
        _borrowed = false;
        _start = _end = 0;
    }

    private void NextBlock(ConnectionTurn turn)
    {
        LeaveBlock(turn);
        _block = _more![0];
        _more.RemoveAt(0);
        _end = _more.Count > 0 ? ReceiveBlockPool.BlockBytes : _lastEnd;
    }

    private int ReadSplitLength()
    {
        Span<byte> prefix = stackalloc byte[LengthBytes];
        Chain().Slice(0, LengthBytes).CopyTo(prefix);
        return BinaryPrimitives.ReadInt32BigEndian(prefix);
    }

    private ReadOnlySequence<byte> Chain()
    {
        var first = new BlockSegment(_block!, _start, _end - _start, null);
        BlockSegment last = first;
        for (int i = 0; i < _more!.Count; i++)
        {
            int length = i == _more.Count - 1 ? _lastEnd : ReceiveBlockPool.BlockBytes;
            last = new BlockSegment(_more[i], 0, length, last);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }
}
