using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Kafka.Gateway.Connections.Linux;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>A listener as an address, so that the transport knows what it binds for.</summary>
internal sealed class ListenerEndPoint(KafkaListenerOptions options) : EndPoint
{
    public KafkaListenerOptions Options { get; } = options;

    public override string ToString() => $"{Options.Name}://{Options.EndPoint}";
}

/// <summary>
/// The one place that decides how a listener's bytes travel: event loops of our own for plain text on Linux,
/// Kestrel's sockets for TLS and elsewhere, or whatever transport was given.
/// </summary>
internal sealed class KafkaTransport(
    ConnectionServices services, IConnectionListenerFactory? given, int threads, ILoggerFactory loggers)
    : IConnectionListenerFactory, IDisposable
{
    private readonly ConnectionServices _services = services;
    private readonly IConnectionListenerFactory? _given = given;
    private readonly int _threads = threads;
    private readonly ILoggerFactory _loggers = loggers;
    private readonly List<BoundListener> _bound = [];
    private DirectTransport? _direct;
    private SocketTransportFactory? _sockets;

    public IReadOnlyList<BoundListener> Bound => _bound;

    public async ValueTask<IConnectionListener> BindAsync(
        EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not ListenerEndPoint { Options: { } options })
        {
            IConnectionListener other = await _given!.BindAsync(endpoint, cancellationToken).ConfigureAwait(false);
            _bound.Add(new BoundListener(endpoint.ToString() ?? "", other.EndPoint));
            return other;
        }

        IConnectionListener listener;
        if (options.Tls is null && DirectTransport.IsSupported)
        {
            _direct ??= new DirectTransport(_services, _threads);
            listener = _direct.Bind(options.Name, options.EndPoint);
        }
        else
        {
            listener = await BindSocketAsync(options.EndPoint, cancellationToken).ConfigureAwait(false);
        }

        _bound.Add(new BoundListener(options.Name, listener.EndPoint));
        return listener;
    }

    public void Dispose() => _direct?.Dispose();

    private ValueTask<IConnectionListener> BindSocketAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        _sockets ??= new SocketTransportFactory(
            Options.Create(new SocketTransportOptions { Backlog = _services.Limits.Backlog }), _loggers);
        EndPoint address = endPoint is DnsEndPoint name ? new IPEndPoint(IPAddress.Loopback, name.Port) : endPoint;
        return _sockets.BindAsync(address, cancellationToken);
    }
}
