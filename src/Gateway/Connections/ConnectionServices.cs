using Microsoft.Extensions.Logging;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>What all connections of an endpoint share.</summary>
internal sealed class ConnectionServices(
    RequestHandlerTable handlers, ConnectionLimits limits, TimeProvider time, ILogger logger, ReceiveBlockPool pool)
{
    public RequestHandlerTable Handlers { get; } = handlers;

    public ConnectionLimits Limits { get; } = limits;

    public TimeProvider Time { get; } = time;

    public ILogger Logger { get; } = logger;

    public ReceiveBlockPool Pool { get; } = pool;

    public ConnectionRegistry Registry { get; } = new(limits);
}
