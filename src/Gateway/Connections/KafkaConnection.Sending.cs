using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// The sending side. Answers wait in a ring in the order of their requests: the owner's thread puts them in, whoever
/// holds the sending right takes them out. The right is one word: a thread that completes an answer while another
/// sends leaves a note there, and the sender looks again. So no answer waits and no two threads send at once.
/// </summary>
internal abstract partial class KafkaConnection
{
    /// <summary>File ranges up to this size are read into the write they belong to.</summary>
    protected const int SmallFileRange = 16 * 1024;

    private const int SendIdle = 0;
    private const int SendBusy = 1;
    private const int SendBusyAgain = 2;
    private const int SendShut = 3;

    private int _head;
    private long _headSent;
    private int _tail;
    private int _send;
    private int _dirty;
    private long _outputBytes;

    /// <summary>What stopped <see cref="Gather"/>.</summary>
    protected enum GatherStop
    {
        /// <summary>Nothing finished follows.</summary>
        Nothing,

        /// <summary>The buffer is full, or what follows goes by itself.</summary>
        More,

        /// <summary>A piece of memory that is sent from where it is.</summary>
        Memory,

        /// <summary>A file range.</summary>
        File,

        /// <summary>The next answer is to close the connection.</summary>
        Close,

        /// <summary>A file range could not be read.</summary>
        ReadFailed,

        /// <summary>A file range that is not in memory: reading it would hold this thread up.</summary>
        Cold,
    }

    /// <summary>What reading a file range came to.</summary>
    protected enum RangeRead
    {
        /// <summary>All of it was read.</summary>
        Whole,

        /// <summary>It is not in memory.</summary>
        Cold,

        /// <summary>It cannot be read; the connection is to be closed.</summary>
        Failed,
    }

    /// <summary>Bytes sent in the connection's life.</summary>
    protected long SentBytes { get; private set; }

    /// <summary>True when the peer (or the transport) takes no more for now.</summary>
    protected abstract bool IsSendBlocked { get; }

    private bool RingIsEmpty => Volatile.Read(ref _head) == Volatile.Read(ref _tail);

    /// <summary>Counts memory of an answer against the bound of unsent output.</summary>
    internal void AddOutput(int bytes) => Interlocked.Add(ref _outputBytes, bytes);

    /// <summary>An answer was completed; on any thread.</summary>
    internal void OnCompleted(RequestOrder order)
    {
        if (order == RequestOrder.Sequential)
        {
            Volatile.Write(ref _sequentialActive, 0);
        }

        if (order != RequestOrder.Independent && Interlocked.Decrement(ref _unanswered) == 0)
        {
            TryResume();
        }

        ConnectionTurn? turn = ConnectionTurn.Current;
        if (turn is null)
        {
            Flush();
        }
        else if (Interlocked.Exchange(ref _dirty, 1) == 0)
        {
            turn.MarkDirty(this);
        }
    }

    internal void FlushDirty()
    {
        Interlocked.Exchange(ref _dirty, 0);
        Flush();
    }

    /// <summary>Sends what can be sent, unless another thread is at it: then that one does.</summary>
    protected void Flush()
    {
        if (!TryTakeSending())
        {
            return;
        }

        RunSending();
    }

    /// <summary>Sends while holding the right, until nothing can be sent; then gives the right back.</summary>
    protected void RunSending()
    {
        while (true)
        {
            if (CloseReason == CloseReason.None)
            {
                int head = _head;
                bool isDone = SendOrFail();

                // Even with the right still in use: answers that left before it was kept are not seen by who goes on.
                // The barrier pairs with the one of a pause: either it sees the place that was made, or this sees it.
                Interlocked.MemoryBarrier();
                if (head != Volatile.Read(ref _head))
                {
                    TryResume();
                }

                if (!isDone)
                {
                    return;
                }
            }

            if (Interlocked.CompareExchange(ref _send, SendIdle, SendBusy) == SendBusy)
            {
                break;
            }

            Interlocked.Exchange(ref _send, SendBusy);
        }

        if (CloseReason != CloseReason.None)
        {
            WakeOwner();
        }
        else if (IsDraining && RingIsEmpty)
        {
            RequestClose(CloseReason.ServerShutdown);
        }
    }

    private bool SendOrFail()
    {
        try
        {
            return SendReady();
        }
        catch (Exception e)
        {
            // With the right in hand: nobody could close the connection if it were not given back.
            Fail(e);
            return true;
        }
    }

    /// <summary>
    /// Sends finished answers while holding the right. False when the right was kept for an operation under way,
    /// which calls <see cref="RunSending"/> when it is done.
    /// </summary>
    protected abstract bool SendReady();

    /// <summary>Closes when nothing is left to be answered. For the owner, after a drain began.</summary>
    protected void CloseWhenDrained()
    {
        if (RingIsEmpty && Volatile.Read(ref _send) == SendIdle)
        {
            RequestClose(CloseReason.ServerShutdown);
        }
    }

    /// <summary>Takes the sending right for good; false when a sender must be waited for: it wakes the owner.</summary>
    protected bool TryShutSending()
    {
        while (true)
        {
            int state = Interlocked.CompareExchange(ref _send, SendShut, SendIdle);
            if (state is SendIdle or SendShut)
            {
                return true;
            }

            if (state == SendBusyAgain
                || Interlocked.CompareExchange(ref _send, SendBusyAgain, SendBusy) == SendBusy)
            {
                return false;
            }
        }
    }

    /// <summary>Fills <paramref name="target"/> with finished answers from the front on.</summary>
    protected GatherStop Gather(Span<byte> target, out int filled, out ResponsePiece piece)
    {
        filled = 0;
        piece = default;
        int index = _head;
        long offset = _headSent;
        for (; index != Volatile.Read(ref _tail); index++, offset = 0)
        {
            PendingResponse response = _ring![index & _ringMask]!;
            if (!response.IsCompleted)
            {
                return GatherStop.Nothing;
            }

            if (response.CloseReason != CloseReason.None)
            {
                if (filled == 0)
                {
                    RequestClose(response.CloseReason, response.CloseDetail);
                }

                return filled == 0 ? GatherStop.Close : GatherStop.More;
            }

            while (offset < response.TotalBytes)
            {
                piece = response.PieceAt(offset);
                bool fits = piece.Length <= target.Length - filled;
                if (!fits || (piece.File is not null && piece.Length > SmallFileRange))
                {
                    return filled > 0 ? GatherStop.More
                        : piece.File is null ? GatherStop.Memory : GatherStop.File;
                }

                Span<byte> room = target.Slice(filled, piece.Length);
                if (piece.File is null)
                {
                    piece.Memory.CopyTo(room);
                }
                else if (ReadRange(piece.File, piece.Position, room) is var read && read != RangeRead.Whole)
                {
                    return read == RangeRead.Failed ? GatherStop.ReadFailed
                        : filled > 0 ? GatherStop.More : GatherStop.Cold;
                }

                filled += piece.Length;
                offset += piece.Length;
            }
        }

        return GatherStop.Nothing;
    }

    /// <summary>Notes that <paramref name="count"/> bytes left; answers that left altogether are let go.</summary>
    protected void AdvanceSent(long count)
    {
        SentBytes += count;
        _headSent += count;
        while (_head != Volatile.Read(ref _tail))
        {
            ref PendingResponse? slot = ref _ring![_head & _ringMask];
            PendingResponse response = slot!;
            if (!response.IsCompleted || response.CloseReason != CloseReason.None || _headSent < response.TotalBytes)
            {
                return;
            }

            _headSent -= response.TotalBytes;
            if (response.BufferedBytes > 0)
            {
                Interlocked.Add(ref _outputBytes, -response.BufferedBytes);
            }

            slot = null;
            Volatile.Write(ref _head, _head + 1);
            response.Recycle();
        }
    }

    /// <summary>Reads a file range, or tells that it is not in memory where that matters.</summary>
    protected virtual RangeRead ReadRange(IFile file, long position, Span<byte> target) =>
        TryRead(file, position, target) ? RangeRead.Whole : RangeRead.Failed;

    /// <summary>Reads a file range whole.</summary>
    protected bool TryRead(IFile file, long position, Span<byte> target)
    {
        try
        {
            while (target.Length > 0)
            {
                int read = file.Read(target, position);
                if (read <= 0)
                {
                    RequestClose(CloseReason.ReadFailed, "the file is shorter than promised");
                    return false;
                }

                target = target[read..];
                position += read;
            }

            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            RequestClose(CloseReason.ReadFailed, e.Message);
            return false;
        }
    }

    private bool TryTakeSending()
    {
        while (true)
        {
            int state = Interlocked.CompareExchange(ref _send, SendBusy, SendIdle);
            if (state == SendIdle)
            {
                return true;
            }

            if (state != SendBusy
                || Interlocked.CompareExchange(ref _send, SendBusyAgain, SendBusy) == SendBusy)
            {
                return false;
            }
        }
    }

    private void TryResume()
    {
        if (Volatile.Read(ref _paused) == 1 && Interlocked.Exchange(ref _paused, 0) == 1)
        {
            if (ConnectionTurn.Current == Turn)
            {
                Turn.MarkResumed(this);
            }
            else
            {
                WakeToResume();
            }
        }
    }

    private void Enqueue(PendingResponse response)
    {
        if (!TryEnqueue(response))
        {
            throw new InvalidOperationException("More requests are in flight than the bound allows.");
        }
    }

    private bool TryEnqueue(PendingResponse response)
    {
        PendingResponse?[] ring = _ring ??= new PendingResponse?[_ringMask + 1];
        if (_tail - Volatile.Read(ref _head) > _ringMask)
        {
            return false;
        }

        ring[_tail & _ringMask] = response;
        Volatile.Write(ref _tail, _tail + 1);
        return true;
    }

    /// <summary>Lets go of all answers. Only after the sending side was shut.</summary>
    private void OrphanAnswers()
    {
        while (_head != _tail)
        {
            PendingResponse response = _ring![_head & _ringMask]!;
            _ring[_head & _ringMask] = null;
            _head++;
            response.Orphan();
        }
    }
}
