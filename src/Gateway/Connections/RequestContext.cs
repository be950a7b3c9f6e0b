using System.Buffers;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// One request: its header, its body, where it came from and where its answer goes. Pooled: not to be used
/// after <see cref="Response"/> was completed.
/// </summary>
public sealed class RequestContext
{
    private readonly ConnectionTurn _owner;
    private ReadOnlySequence<byte> _body;
    private ReceiveBlock? _block;
    private bool _kept;

    internal RequestContext(ConnectionTurn owner)
    {
        _owner = owner;
        Response = new PendingResponse(this);
    }

    /// <summary>API key of the request.</summary>
    public ApiKey ApiKey { get; private set; }

    /// <summary>Version of request and response; within what the handler serves.</summary>
    public short ApiVersion { get; private set; }

    /// <summary>True when the body is in KIP-482's compact encoding with tagged fields.</summary>
    public bool IsFlexible { get; private set; }

    /// <summary>Correlation id; the connection layer puts it into the answer.</summary>
    public int CorrelationId { get; private set; }

    /// <summary>
    /// Client id of the header. The same string object for all requests of a connection that repeat it.
    /// </summary>
    public string? ClientId { get; private set; }

    /// <summary>The connection.</summary>
    public ConnectionInfo Connection { get; private set; } = null!;

    /// <summary>The turn that handles the request. Only while the handler or work of the turn runs.</summary>
    public ConnectionTurn Turn { get; private set; } = null!;

    /// <summary>The answer, to be completed once, now or later, from any thread.</summary>
    public PendingResponse Response { get; }

    /// <summary>
    /// Body of the request, in the memory it was received into. Valid until the turn ends; until the response
    /// has left after <see cref="KeepBody"/>. A handler may overwrite bytes of it (base offsets).
    /// </summary>
    public ReadOnlySequence<byte> Body => _body;

    internal RequestContext? NextReturned { get; set; }

    internal RequestHandler Handler { get; private set; } = null!;

    /// <summary>
    /// Keeps <see cref="Body"/> valid until the response has left (or its connection died and it was completed).
    /// Call it before the turn ends.
    /// </summary>
    public void KeepBody()
    {
        if (_kept)
        {
            return;
        }

        _kept = true;
        VisitBlocks(static block => block.AddReference());
    }

    /// <summary>Reads the body. When it cannot be parsed, has the connection closed and answers false.</summary>
    internal bool TryRead(IKafkaRequest request)
    {
        var reader = new KafkaReader(_body);
        request.Read(ref reader, ApiVersion);
        if (reader.Failed)
        {
            Response.Close(CloseReason.MalformedRequest, $"{ApiKey} v{ApiVersion}");
            return false;
        }

        return true;
    }

    internal void Begin(
        KafkaConnection connection,
        RequestHandler handler,
        in RequestFrame frame,
        string? clientId,
        ReceiveBlock? block)
    {
        Handler = handler;
        ApiKey = frame.ApiKey;
        ApiVersion = frame.ApiVersion;
        CorrelationId = frame.CorrelationId;
        ClientId = clientId;
        Connection = connection.Info;
        Turn = connection.Turn;
        _body = frame.Body;
        _block = block;
        IsFlexible = handler.IsFlexible(frame.ApiVersion);
        Response.Begin(connection, frame.CorrelationId, handler.HasTaggedResponseHeader(frame.ApiVersion));
    }

    internal void Recycle()
    {
        if (_kept)
        {
            _kept = false;
            VisitBlocks(static block => block.Release());
        }

        _body = default;
        _block = null;
        ClientId = null;
        _owner.ReturnContext(this);
    }

    private void VisitBlocks(Action<ReceiveBlock> visit)
    {
        if (_body.Start.GetObject() is not BlockSegment segment)
        {
            if (_block is not null)
            {
                visit(_block);
            }

            return;
        }

        object? last = _body.End.GetObject();
        while (true)
        {
            visit(segment.Block);
            if (segment == last || segment.Next is not BlockSegment next)
            {
                return;
            }

            segment = next;
        }
    }
}
