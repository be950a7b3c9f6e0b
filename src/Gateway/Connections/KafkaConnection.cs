using System.Buffers;
using System.Numerics;
using System.Text;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// A Kafka connection whatever carries it: frames come in, handlers run, answers leave in order. This part takes
/// requests; it runs on one thread at a time (the event loop, or the reading task of a pipe). The other part sends,
/// from whichever thread completed the answer at the front.
/// </summary>
internal abstract partial class KafkaConnection
{
    private static long _lastId;

    private readonly ConnectionServices _services;
    private readonly FrameReceiver _receiver;
    private readonly int _ringMask;
    private PendingResponse?[]? _ring;
    private byte[] _clientIdBytes = [];
    private string? _clientId;
    private int _unanswered;
    private int _sequentialActive;
    private int _paused;
    private bool _refusing;
    private int _draining;
    private int _closeReason;
    private string? _closeDetail;
    private bool _active;
    private long _quietSince;
    private int _headAtSweep;

    protected KafkaConnection(ConnectionServices services, ConnectionTurn turn, ConnectionInfo info)
    {
        _services = services;
        Turn = turn;
        Info = info;
        _receiver = new FrameReceiver(services.Limits.MaxRequestBytes);
        _ringMask = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, services.Limits.MaxInFlight)) - 1;
        _quietSince = services.Time.GetTimestamp();
    }

    /// <summary>The turn object of the thread that serves this connection.</summary>
    public ConnectionTurn Turn { get; }

    public ConnectionInfo Info { get; }

    /// <summary>Not None from the moment somebody decided to close.</summary>
    public CloseReason CloseReason => (CloseReason)Volatile.Read(ref _closeReason);

    protected ConnectionServices Services => _services;

    protected FrameReceiver Receiver => _receiver;

    protected bool IsPaused => Volatile.Read(ref _paused) != 0;

    protected bool IsDraining => Volatile.Read(ref _draining) != 0;

    /// <summary>No further request is taken: closing, draining, or a request was refused.</summary>
    protected bool IsDeaf => _refusing || CloseReason != CloseReason.None || IsDraining;

    public static long NextId() => Interlocked.Increment(ref _lastId);

    /// <summary>Decides to close; the first reason counts. Any thread.</summary>
    public void RequestClose(CloseReason reason, string? detail = null)
    {
        if (Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)CloseReason.None) == (int)CloseReason.None)
        {
            _closeDetail = detail;
            WakeOwner();
        }
    }

    /// <summary>Takes no more requests and closes when the last answer has left. Any thread.</summary>
    public void BeginDrain()
    {
        if (Interlocked.Exchange(ref _draining, 1) == 0)
        {
            WakeOwner();
        }
    }

    /// <summary>Closes the connection if nothing moved since long enough. Called by the sweep only.</summary>
    public void CloseIfIdle(long now, TimeSpan timeout)
    {
        int head = Volatile.Read(ref _head);
        bool moved = _active || head != _headAtSweep;
        bool answering = head != Volatile.Read(ref _tail);
        bool stuck = IsSendBlocked;
        _active = false;
        _headAtSweep = head;
        if (moved || (answering && !stuck))
        {
            _quietSince = now;
        }
        else if (_services.Time.GetElapsedTime(_quietSince, now) >= timeout)
        {
            RequestClose(stuck ? CloseReason.PeerNotReading : CloseReason.Idle);
        }
    }

    /// <summary>Goes on after a pause. Called by the owner's turn.</summary>
    public abstract void OnResumed();

    /// <summary>Has the owner's thread look at close, drain and resume requests. Any thread.</summary>
    protected abstract void WakeOwner();

    /// <summary>Has the owner's thread call <see cref="OnResumed"/>. Any thread.</summary>
    protected abstract void WakeToResume();

    /// <summary>Something threw that must not: the connection is closed, the others go on.</summary>
    internal void Fail(Exception exception)
    {
        ConnectionLog.ConnectionFailed(_services.Logger, Info.Id, exception);
        RequestClose(CloseReason.HandlerFailed, exception.Message);
    }

    internal void LogFailure(RequestHandler handler, short version, Exception exception) =>
        ConnectionLog.HandlerFailed(_services.Logger, handler.Key.ToString(), version, Info.Id, exception);

    /// <summary>Handles the complete frames that are there, until one must wait.</summary>
    protected void HandleFrames()
    {
        _active = true;
        while (!IsDeaf)
        {
            FrameStatus status = _receiver.TryPeek(out ReadOnlySequence<byte> frame);
            if (status != FrameStatus.Complete)
            {
                if (status != FrameStatus.Incomplete)
                {
                    RefuseLength(status);
                }

                return;
            }

            RequestFrame request = RequestFrame.ReadFixed(frame);
            RequestHandler? handler = _services.Handlers.Find(request.ApiKey);
            if (!MayStart(handler) && !TryUnpause(handler))
            {
                return;
            }

            Dispatch(handler, ref request, frame);
            _receiver.Consume(Turn);
        }
    }

    /// <summary>Ends the connection on the owner's thread, after the sending side was shut for good.</summary>
    protected void Finish()
    {
        Info.MarkClosed();
        _services.Registry.Remove(this);
        _receiver.Clear(Turn);
        OrphanAnswers();

        // Last: who reads that it is closed finds nothing of it left.
        LogClosed(CloseReason, _closeDetail);
    }

    protected void LogClosed(CloseReason reason, string? detail) =>
        ConnectionLog.Closed(_services.Logger, reason, Info, detail);

    private bool MayStart(RequestHandler? handler)
    {
        if (_tail - Volatile.Read(ref _head) > _ringMask
            || Volatile.Read(ref _sequentialActive) != 0
            || Volatile.Read(ref _outputBytes) > _services.Limits.MaxOutputBytes)
        {
            return false;
        }

        if (handler is null || handler.Order != RequestOrder.Sequential || Volatile.Read(ref _unanswered) == 0)
        {
            return true;
        }

        if (Turn.HasWork)
        {
            Turn.RunWork();
        }

        return Volatile.Read(ref _unanswered) == 0;
    }

    /// <summary>Pauses; false when the connection stays paused. Whoever makes room then resumes it.</summary>
    private bool TryUnpause(RequestHandler? handler)
    {
        Interlocked.Exchange(ref _paused, 1);
        return MayStart(handler) && Interlocked.Exchange(ref _paused, 0) == 1;
    }

    private void Dispatch(RequestHandler? handler, ref RequestFrame request, in ReadOnlySequence<byte> frame)
    {
        if (handler is null)
        {
            Refuse(CloseReason.UnknownApiKey, $"key {(short)request.ApiKey}");
            return;
        }

        if (request.ApiVersion < handler.MinVersion || request.ApiVersion > handler.MaxVersion)
        {
            if (handler.Key == Protocol.ApiKey.ApiVersions)
            {
                AnswerUnsupportedApiVersions(handler, request.CorrelationId);
            }
            else
            {
                Refuse(CloseReason.UnsupportedVersion, $"{handler.Key} v{request.ApiVersion}");
            }

            return;
        }

        if (!request.TryReadRest(frame, handler.IsFlexible(request.ApiVersion)))
        {
            Refuse(CloseReason.MalformedHeader, $"{handler.Key} v{request.ApiVersion}");
            return;
        }

        RequestContext context = Turn.RentContext();
        context.Begin(this, handler, request, ClientIdOf(request), _receiver.FrontBlock);
        Enqueue(context.Response);
        if (handler.Order != RequestOrder.Independent)
        {
            Interlocked.Increment(ref _unanswered);
            if (handler.Order == RequestOrder.Sequential)
            {
                _sequentialActive = 1;
            }
        }

        try
        {
            handler.Handle(context);
        }
        catch (Exception e)
        {
            LogFailure(handler, request.ApiVersion, e);
            RequestClose(CloseReason.HandlerFailed, handler.Key.ToString());
        }
    }

    private string? ClientIdOf(in RequestFrame request)
    {
        if (!request.HasClientId)
        {
            return null;
        }

        if (_clientId is null || !request.ClientId.SequenceEqual(_clientIdBytes))
        {
            _clientIdBytes = request.ClientId.ToArray();
            _clientId = Encoding.UTF8.GetString(_clientIdBytes);
        }

        return _clientId;
    }

    /// <summary>KIP-511: a version that is too new is told what would do, in the one form every client reads.</summary>
    private void AnswerUnsupportedApiVersions(RequestHandler handler, int correlationId)
    {
        RequestContext context = Turn.RentContext();
        var frame = new RequestFrame { ApiKey = handler.Key, ApiVersion = 0, CorrelationId = correlationId };
        context.Begin(this, UnsupportedApiVersions.For(handler), frame, null, null);
        Enqueue(context.Response);
        Interlocked.Increment(ref _unanswered);
        context.Handler.Handle(context);
    }

    private void RefuseLength(FrameStatus status)
    {
        int length = _receiver.PeekedLength;
        string detail = $"length {length}{ProtocolGuess.Describe(length)}";
        Refuse(status == FrameStatus.TooLarge ? CloseReason.RequestTooLarge : CloseReason.InvalidLength, detail);
    }

    /// <summary>Closes after the answers to earlier requests have left; takes nothing more.</summary>
    private void Refuse(CloseReason reason, string detail)
    {
        _refusing = true;
        if (Volatile.Read(ref _head) == _tail)
        {
            RequestClose(reason, detail);
            return;
        }

        RequestContext context = Turn.RentContext();
        var frame = new RequestFrame();
        context.Begin(this, RefusedRequest.Instance, frame, null, null);
        if (TryEnqueue(context.Response))
        {
            Interlocked.Increment(ref _unanswered);
            context.Response.Close(reason, detail);
        }
        else
        {
            context.Response.Recycle();
            RequestClose(reason, detail);
        }
    }
}
