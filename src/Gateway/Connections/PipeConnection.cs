using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// A connection over a pair of pipes: behind TLS, on platforms without the event loop, and in memory.
/// </summary>
internal sealed class PipeConnection : KafkaConnection
{
    private const int MinWriteBytes = 4096;

    /// <summary>Bytes given to the pipe before it is told to send them.</summary>
    private const int FlushBytes = 64 * 1024;

    private readonly ConnectionContext _context;
    private readonly PipeReader _reader;
    private readonly PipeWriter _writer;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private int _resume;
    private int _flushing;
    private int _unflushed;

    public PipeConnection(ConnectionServices services, ConnectionContext context, ConnectionInfo info)
        : base(services, new ConnectionTurn(services.Pool, services.Logger), info)
    {
        _context = context;
        _reader = context.Transport.Input;
        _writer = context.Transport.Output;
    }

    protected override bool IsSendBlocked => Volatile.Read(ref _flushing) != 0;

    /// <summary>Serves until the connection is closed.</summary>
    public async Task RunAsync()
    {
        CloseReason refused = Services.Registry.TryAdd(this);
        if (refused != CloseReason.None)
        {
            LogClosed(refused, null);
            await CompletePipesAsync().ConfigureAwait(false);
            return;
        }

        using (_context.ConnectionClosed.UnsafeRegister(
            static state => ((PipeConnection)state!).RequestClose(CloseReason.ConnectionLost), this))
        {
            await ReadUntilClosedAsync().ConfigureAwait(false);
            while (!TryShutSending())
            {
                // A sender that waits for the peer is cut off; one that is just writing is about to be done.
                if (IsSendBlocked)
                {
                    _context.Abort(new ConnectionAbortedException(CloseReason.ToString()));
                }

                await _wake.Reader.ReadAsync().ConfigureAwait(false);
            }
        }

        Finish();
        Turn.End();
        Turn.Rest();
        await CompletePipesAsync().ConfigureAwait(false);
    }

    public override void OnResumed()
    {
        Receiver.Restore(Turn);
        HandleFrames();
        Receiver.Park(Turn);
    }

    protected override void WakeOwner()
    {
        _wake.Writer.TryWrite(true);
        _reader.CancelPendingRead();
    }

    protected override void WakeToResume()
    {
        Interlocked.Exchange(ref _resume, 1);
        WakeOwner();
    }

    protected override bool SendReady()
    {
        try
        {
            return WriteReady();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            RequestClose(CloseReason.ConnectionLost, e.Message);
            return true;
        }
    }

    private async Task CompletePipesAsync()
    {
        await _writer.CompleteAsync().ConfigureAwait(false);
        await _reader.CompleteAsync().ConfigureAwait(false);
    }

    private async Task ReadUntilClosedAsync()
    {
        while (CloseReason == CloseReason.None)
        {
            if (Interlocked.Exchange(ref _resume, 0) != 0)
            {
                RunTurn(default);
            }

            if (IsDraining)
            {
                CloseWhenDrained();
            }

            if (CloseReason != CloseReason.None)
            {
                return;
            }

            if (IsPaused || IsDeaf)
            {
                await _wake.Reader.ReadAsync().ConfigureAwait(false);
                continue;
            }

            try
            {
                ReadResult result = await _reader.ReadAsync().ConfigureAwait(false);
                RunTurn(result.Buffer);
                _reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    RequestClose(CloseReason.ClosedByPeer);
                }
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
            {
                RequestClose(CloseReason.ConnectionLost, e.Message);
            }
        }
    }

    /// <summary>Copies what came into blocks of our own, which requests may keep, and handles it.</summary>
    private void RunTurn(ReadOnlySequence<byte> received)
    {
        Turn.Enter();
        try
        {
            OnResumed();
            while (received.Length > 0 && !IsDeaf)
            {
                ArraySegment<byte> target = Receiver.Prepare(Turn);
                int count = (int)Math.Min(received.Length, target.Count);
                received.Slice(0, count).CopyTo(target);
                Receiver.Commit(Turn, count);
                received = received.Slice(count);
                if (!IsPaused)
                {
                    HandleFrames();
                }

                Receiver.Park(Turn);
                if (Receiver.HasBlocks && Turn.Pool.RentedBytes > Services.Limits.MaxReceiveMemoryBytes)
                {
                    RequestClose(CloseReason.ReceiveMemoryExhausted);
                }
            }

            Turn.End();
            Turn.Rest();
        }
        catch (Exception e)
        {
            ConnectionLog.ConnectionFailed(Services.Logger, Info.Id, e);
            RequestClose(CloseReason.HandlerFailed, e.Message);
        }
        finally
        {
            ConnectionTurn.Leave();
        }
    }

    private bool WriteReady()
    {
        while (CloseReason == CloseReason.None)
        {
            Span<byte> span = _writer.GetSpan(MinWriteBytes);
            GatherStop stop = Gather(span, out int filled, out ResponsePiece piece);
            int count = filled;
            if (filled == 0 && stop is GatherStop.Memory or GatherStop.File)
            {
                count = Math.Min(piece.Length, span.Length);
                if (piece.File is null)
                {
                    piece.Memory[..count].CopyTo(span);
                }
                else if (!TryRead(piece.File, piece.Position, span[..count]))
                {
                    return true;
                }
            }

            _writer.Advance(count);
            _unflushed += count;
            AdvanceSent(count);
            if (_unflushed >= FlushBytes || (count == 0 && _unflushed > 0))
            {
                if (!TryFlush())
                {
                    return false;
                }
            }
            else if (count == 0)
            {
                return true;
            }
        }

        return true;
    }

    /// <summary>False when the pipe is full: the sending right stays with the flush until the peer has read.</summary>
    private bool TryFlush()
    {
        _unflushed = 0;
        ValueTask<FlushResult> flush = _writer.FlushAsync();
        if (flush.IsCompleted)
        {
            EndFlush(flush);
            return true;
        }

        Interlocked.Exchange(ref _flushing, 1);
        if (CloseReason != CloseReason.None)
        {
            WakeOwner();
        }

        _ = FinishFlushAsync(flush);
        return false;
    }

    private async Task FinishFlushAsync(ValueTask<FlushResult> flush)
    {
        try
        {
            FlushResult result = await flush.ConfigureAwait(false);
            if (result.IsCompleted)
            {
                RequestClose(CloseReason.ConnectionLost);
            }
        }
        catch (Exception e)
        {
            RequestClose(CloseReason.ConnectionLost, e.Message);
        }

        Volatile.Write(ref _flushing, 0);
        RunSending();
    }

    private void EndFlush(ValueTask<FlushResult> flush)
    {
        if (flush.Result.IsCompleted)
        {
            RequestClose(CloseReason.ConnectionLost);
        }
    }
}
