namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// Why a connection was closed. Every closed connection logs one line that carries exactly one of these.
/// </summary>
public enum CloseReason
{
    /// <summary>The connection is open.</summary>
    None = 0,

    /// <summary>The peer closed its side.</summary>
    ClosedByPeer,

    /// <summary>The peer vanished: reset, time-out of the transport, broken pipe.</summary>
    ConnectionLost,

    /// <summary>
    /// Nothing was received for <see cref="ConnectionLimits.IdleTimeout"/> and nothing was being answered.
    /// </summary>
    Idle,

    /// <summary>The peer took none of its answers for <see cref="ConnectionLimits.IdleTimeout"/>.</summary>
    PeerNotReading,

    /// <summary>The length prefix of a frame is negative or too small for a request header.</summary>
    InvalidLength,

    /// <summary>The length prefix of a frame is above <see cref="ConnectionLimits.MaxRequestBytes"/>.</summary>
    RequestTooLarge,

    /// <summary>The request header cannot be parsed.</summary>
    MalformedHeader,

    /// <summary>The request body cannot be parsed.</summary>
    MalformedRequest,

    /// <summary>No handler is registered for the API key.</summary>
    UnknownApiKey,

    /// <summary>The API key is known, the version is outside what the handler serves.</summary>
    UnsupportedVersion,

    /// <summary>The handler found that the request breaks a rule for which Kafka closes the connection.</summary>
    ProtocolViolation,

    /// <summary>The TLS handshake failed or took too long.</summary>
    TlsHandshakeFailed,

    /// <summary>Authentication failed or is missing.</summary>
    AuthenticationFailed,

    /// <summary>The handler threw.</summary>
    HandlerFailed,

    /// <summary>A file range promised to the peer could not be read.</summary>
    ReadFailed,

    /// <summary>There are <see cref="ConnectionLimits.MaxConnections"/> connections already.</summary>
    TooManyConnections,

    /// <summary>
    /// There are <see cref="ConnectionLimits.MaxConnectionsPerAddress"/> connections from this address.
    /// </summary>
    TooManyConnectionsFromAddress,

    /// <summary>
    /// Requests which are only partly there hold <see cref="ConnectionLimits.MaxReceiveMemoryBytes"/>.
    /// </summary>
    ReceiveMemoryExhausted,

    /// <summary>The endpoint stops; everything in flight was answered.</summary>
    ServerShutdown,

    /// <summary>The endpoint stopped and the deadline passed before everything in flight was answered.</summary>
    ServerAborted,
}
