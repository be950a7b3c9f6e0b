using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Orleans.Kafka.Gateway.Connections.Linux;

/// <summary>
/// What Kestrel sees of a connection that serves itself: enough to count it, abort it and wait for its end.
/// </summary>
internal sealed class DirectConnectionContext(DirectConnection connection) : ConnectionContext
{
    private IFeatureCollection? _features;
    private IDictionary<object, object?>? _items;
    private string? _id;

    public DirectConnection Connection { get; } = connection;

    public override string ConnectionId
    {
        get => _id ??= Connection.Info.Id.ToString(System.Globalization.CultureInfo.InvariantCulture);
        set => _id = value;
    }

    public override IFeatureCollection Features => _features ??= new FeatureCollection(8);

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new Dictionary<object, object?>();
        set => _items = value;
    }

    public override IDuplexPipe Transport
    {
        get => throw new NotSupportedException("A direct connection has no pipe.");
        set => throw new NotSupportedException("A direct connection has no pipe.");
    }

    public override EndPoint? LocalEndPoint
    {
        get => Connection.Info.LocalEndPoint;
        set => throw new NotSupportedException();
    }

    public override EndPoint? RemoteEndPoint
    {
        get => Connection.Info.RemoteEndPoint;
        set => throw new NotSupportedException();
    }

    public override CancellationToken ConnectionClosed
    {
        get => CancellationToken.None;
        set => throw new NotSupportedException();
    }

    public override void Abort(ConnectionAbortedException abortReason) =>
        Connection.RequestClose(CloseReason.ServerAborted);

    public override ValueTask DisposeAsync()
    {
        Connection.RequestClose(CloseReason.ServerAborted);
        return default;
    }
}
