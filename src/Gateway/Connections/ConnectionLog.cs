using System.Net;
using Microsoft.Extensions.Logging;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>Log lines of the connection layer.</summary>
internal static partial class ConnectionLog
{
    public static LogLevel LevelOf(CloseReason reason) => reason switch
    {
        CloseReason.ClosedByPeer or CloseReason.ConnectionLost or CloseReason.Idle or CloseReason.ServerShutdown
            => LogLevel.Debug,
        CloseReason.HandlerFailed or CloseReason.ReadFailed => LogLevel.Error,
        _ => LogLevel.Information,
    };

    public static void Closed(ILogger logger, CloseReason reason, ConnectionInfo info, string? detail) =>
        Closed(logger, LevelOf(reason), info.Id, info.RemoteEndPoint, info.ListenerName, reason, detail);

    [LoggerMessage(
        EventId = 1,
        EventName = "Closed",
        Message = "Connection {Id} from {Remote} on {Listener} closed: {Reason} {Detail}")]
    public static partial void Closed(
        ILogger logger, LogLevel level, long id, EndPoint? remote, string listener, CloseReason reason, string? detail);

    [LoggerMessage(2, LogLevel.Error, "Handler for {Key} v{Version} failed on connection {Id}")]
    public static partial void HandlerFailed(ILogger logger, string key, short version, long id, Exception exception);

    [LoggerMessage(3, LogLevel.Critical, "Work of a turn failed: {Work}")]
    public static partial void TurnWorkFailed(ILogger logger, string work, Exception exception);

    [LoggerMessage(4, LogLevel.Critical, "Connection {Id} failed in a way that it must not")]
    public static partial void ConnectionFailed(ILogger logger, long id, Exception exception);

    [LoggerMessage(5, LogLevel.Warning, "Accepting on {EndPoint} failed with error {Error}, tried again shortly")]
    public static partial void AcceptFailed(ILogger logger, EndPoint endPoint, int error);
}
