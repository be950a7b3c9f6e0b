using System.Buffers;
using System.Buffers.Binary;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// The answer to one request. Write the body into it (it is an <see cref="IBufferWriter{T}"/>; length prefix and
/// header are there already), then call one of the completing methods exactly once, from any thread.
/// Answers leave in the order of the requests, whatever the order of completion.
/// </summary>
public sealed partial class PendingResponse : IKafkaOutput
{
    internal const int SmallBytes = 512;

    private const int StatePending = 0;
    private const int StateCompleted = 1;
    private const int StateOrphaned = 2;
    private const int StateFree = 3;

    private readonly RequestContext _context;
    private readonly byte[] _small = new byte[SmallBytes];
    private byte[] _buffer;
    private int _length;
    private int _state = StateFree;
    private KafkaConnection _connection = null!;
    private Action<object?>? _release;
    private object? _releaseState;
    private List<(Action<object?> Release, object? State)>? _moreReleases;
    private Action<object?>? _abandon;
    private object? _abandonState;

    internal PendingResponse(RequestContext context)
    {
        _context = context;
        _buffer = _small;
    }

    /// <summary>True after the connection died: completing still is a must, writing is in vain.</summary>
    public bool IsAbandoned => Volatile.Read(ref _state) == StateOrphaned;

    /// <summary>Bytes written so far, length prefix and header included, file ranges excluded.</summary>
    public int WrittenBytes => _length;

    internal RequestContext Context => _context;

    internal bool IsCompleted => Volatile.Read(ref _state) == StateCompleted;

    /// <summary>Bytes on the wire; 0 for an answer that is none.</summary>
    internal long TotalBytes { get; private set; }

    internal CloseReason CloseReason { get; private set; }

    internal string? CloseDetail { get; private set; }

    internal int BufferedBytes => _length > SmallBytes ? _length : 0;

    /// <summary>The answer is written: it leaves as soon as the ones before it have left.</summary>
    public void Complete()
    {
        long total = _length + _rangeBytes;
        if (total > int.MaxValue)
        {
            Close(CloseReason.HandlerFailed, "an answer above 2 GiB");
            return;
        }

        BinaryPrimitives.WriteInt32BigEndian(_buffer, (int)(total - sizeof(int)));
        TotalBytes = total;
        Finish();
    }

    /// <summary>Writes <paramref name="message"/> in the version of the request and completes.</summary>
    public void Complete(IKafkaMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        try
        {
            var writer = new KafkaWriter(this);
            message.Write(ref writer, _context.ApiVersion);
            writer.Complete();
        }
        catch (Exception e)
        {
            Fail(e);
            return;
        }

        Complete();
    }

    /// <summary>
    /// The handler failed: one logged error, and the connection closes after the answers before this one.
    /// </summary>
    public void Fail(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        _connection.LogFailure(_context.Handler, _context.ApiVersion, exception);
        Close(CloseReason.HandlerFailed, _context.Handler.Key.ToString());
    }

    /// <summary>There is no answer (Produce with acks=0). What was written is dropped.</summary>
    public void CompleteWithoutAnswer()
    {
        DropWritten();
        Finish();
    }

    /// <summary>
    /// Closes the connection, after the answers to earlier requests have left. Nothing is sent for this request.
    /// </summary>
    /// <param name="reason">What the log line says.</param>
    /// <param name="detail">More for the log line.</param>
    public void Close(CloseReason reason, string? detail = null)
    {
        DropWritten();
        CloseReason = reason;
        CloseDetail = detail;
        Finish();
    }

    /// <summary>
    /// Has <paramref name="release"/> called once after the bytes have left, or will never leave. For what pins the
    /// file ranges in the answer. May be called several times; call before completing.
    /// </summary>
    public void AfterSend(Action<object?> release, object? state)
    {
        if (_release is null)
        {
            _release = release;
            _releaseState = state;
            return;
        }

        (_moreReleases ??= []).Add((release, state));
    }

    /// <summary>
    /// Has <paramref name="abandoned"/> called, once and on any thread, when the connection dies before the response
    /// is completed, so that whoever parked the request lets go of it early. It must still be completed.
    /// The call may come while another thread completes the response: the parker decides who wins.
    /// </summary>
    public void OnAbandoned(Action<object?> abandoned, object? state)
    {
        _abandonState = state;
        Interlocked.Exchange(ref _abandon, abandoned);
        if (Volatile.Read(ref _state) == StateOrphaned)
        {
            CallAbandoned();
        }
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        if ((uint)count > (uint)(_buffer.Length - _length))
        {
            throw new ArgumentOutOfRangeException(nameof(count));
        }

        _length += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _buffer.AsMemory(_length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureRoom(sizeHint);
        return _buffer.AsSpan(_length);
    }

    internal void Begin(KafkaConnection connection, int correlationId, bool taggedHeader)
    {
        if (_state != StateFree)
        {
            throw new InvalidOperationException("A response was handed out while in use.");
        }

        _connection = connection;
        BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(sizeof(int)), correlationId);
        _length = 2 * sizeof(int);
        if (taggedHeader)
        {
            _buffer[_length++] = 0;
        }

        Volatile.Write(ref _state, StatePending);
    }

    /// <summary>The connection is dead: whoever completes the response later recycles it.</summary>
    internal void Orphan()
    {
        // Taken before the exchange: after it another thread may complete, recycle and reuse this object.
        Action<object?>? abandon = Interlocked.Exchange(ref _abandon, null);
        object? state = _abandonState;
        if (Interlocked.CompareExchange(ref _state, StateOrphaned, StatePending) != StatePending)
        {
            Recycle();
        }
        else if (abandon is not null)
        {
            abandon(state);
        }
        else
        {
            CallAbandoned();
        }
    }

    /// <summary>The bytes have left, or never will.</summary>
    internal void Recycle()
    {
        ReleasePins();
        DropWritten();
        _abandon = null;
        _abandonState = null;
        CloseReason = CloseReason.None;
        CloseDetail = null;
        _connection = null!;
        Volatile.Write(ref _state, StateFree);
        _context.Recycle();
    }

    private void Finish()
    {
        KafkaConnection connection = _connection;
        RequestOrder order = _context.Handler.Order;
        bool buffered = BufferedBytes > 0;
        if (buffered)
        {
            connection.AddOutput(BufferedBytes);
        }

        int before = Interlocked.CompareExchange(ref _state, StateCompleted, StatePending);
        if (before == StatePending)
        {
            connection.OnCompleted(order);
        }
        else if (before == StateOrphaned)
        {
            Recycle();
        }
        else
        {
            throw new InvalidOperationException("A response was completed twice.");
        }
    }

    private void CallAbandoned() => Interlocked.Exchange(ref _abandon, null)?.Invoke(_abandonState);

    private void ReleasePins()
    {
        if (_release is null)
        {
            return;
        }

        Action<object?> release = _release;
        object? state = _releaseState;
        _release = null;
        _releaseState = null;
        release(state);
        if (_moreReleases is not null)
        {
            foreach ((Action<object?> more, object? moreState) in _moreReleases)
            {
                more(moreState);
            }

            _moreReleases.Clear();
        }
    }

    private void DropWritten()
    {
        _length = 0;
        TotalBytes = 0;
        DropRanges();
        if (_buffer != _small)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = _small;
        }
    }

    private void EnsureRoom(int sizeHint)
    {
        int needed = Math.Max(sizeHint, 1);
        if (_buffer.Length - _length >= needed)
        {
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(checked(_length + needed), _buffer.Length * 2));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        if (_buffer != _small)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = larger;
    }
}
