using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>What an endpoint is made of.</summary>
public sealed record KafkaEndpointOptions
{
    /// <summary>The listeners; at least one.</summary>
    public required IReadOnlyList<KafkaListenerOptions> Listeners { get; init; }

    /// <summary>Bounds.</summary>
    public ConnectionLimits Limits { get; init; } = new();

    /// <summary>Event loops; 0 takes one per processor, at most 16.</summary>
    public int Threads { get; init; }

    /// <summary>Another transport (in-memory pipes) in place of sockets.</summary>
    public IConnectionListenerFactory? Transport { get; init; }

    /// <summary>Overwrite receive memory when it is given back, so that tests see who reads it too late.</summary>
    internal bool PoisonMemory { get; init; }
}

/// <summary>
/// A Kafka endpoint: Kestrel with our transport, the connections, their limits. Starts and stops once.
/// </summary>
public sealed class KafkaEndpoint : IAsyncDisposable
{
    private const int MaxDefaultThreads = 16;

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly KafkaEndpointOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ConnectionServices _services;
    private KestrelServer? _server;
    private KafkaTransport? _transport;
    private ITimer? _sweep;
    private int _stopped;

    /// <summary>Makes an endpoint that listens nowhere yet.</summary>
    public KafkaEndpoint(
        KafkaEndpointOptions options,
        RequestHandlerTable handlers,
        TimeProvider? time = null,
        ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(handlers);
        _options = options;
        _loggers = loggers ?? NullLoggerFactory.Instance;
        _services = new ConnectionServices(
            handlers,
            options.Limits,
            time ?? TimeProvider.System,
            _loggers.CreateLogger<KafkaEndpoint>(),
            new ReceiveBlockPool(options.PoisonMemory));
    }

    /// <summary>Where the endpoint listens, true ports included; empty before <see cref="StartAsync"/>.</summary>
    public IReadOnlyList<BoundListener> BoundListeners { get; private set; } = [];

    /// <summary>Open connections.</summary>
    public int ConnectionCount => _services.Registry.Count;

    internal ConnectionServices Services => _services;

    /// <summary>Binds and serves. Throws <see cref="IOException"/> when an address cannot be bound.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        int threads = _options.Threads > 0
            ? _options.Threads
            : Math.Min(Environment.ProcessorCount, MaxDefaultThreads);
        _transport = new KafkaTransport(_services, _options.Transport, threads, _loggers);
        var kestrel = new KestrelServerOptions { AddServerHeader = false };
        foreach (KafkaListenerOptions listener in _options.Listeners)
        {
            Listen(kestrel, listener);
        }

        _server = new KestrelServer(Options.Create(kestrel), _transport, _loggers);
        try
        {
            await _server.StartAsync(new NoHttp(), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _server.Dispose();
            _server = null;
            _transport.Dispose();
            throw;
        }

        BoundListeners = _transport.Bound;
        StartSweep();
    }

    /// <summary>
    /// Stops accepting, answers what is in flight, closes. What is not answered when
    /// <see cref="ConnectionLimits.DrainTimeout"/> has passed or the token is cancelled is cut off.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        if (_server is null || Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }

        _services.Registry.Refuse();
        using (var deadline = new CancellationTokenSource(_options.Limits.DrainTimeout, _services.Time))
        using (var aborted = new CancellationTokenSource())
        using (cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), deadline))
        using (deadline.Token.Register(() =>
        {
            // First, else the server cuts them off and each takes it for its peer's doing.
            AbortAll();
            aborted.Cancel();
        }))
        {
            foreach (KafkaConnection connection in _services.Registry.Connections)
            {
                connection.BeginDrain();
            }

            await _server.StopAsync(aborted.Token).ConfigureAwait(false);
        }

        if (_sweep is not null)
        {
            await _sweep.DisposeAsync().ConfigureAwait(false);
        }

        _server.Dispose();
        _transport!.Dispose();
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private void Listen(KestrelServerOptions kestrel, KafkaListenerOptions listener)
    {
        EndPoint endPoint = _options.Transport is null ? new ListenerEndPoint(listener) : listener.EndPoint;
        kestrel.Listen(endPoint, options => options.Run(context => ServeAsync(context, listener)));
    }

    private Task ServeAsync(ConnectionContext context, KafkaListenerOptions listener)
    {
        if (context is Linux.DirectConnectionContext direct)
        {
            return direct.Connection.Finished;
        }

        var info = new ConnectionInfo(
            KafkaConnection.NextId(), listener.Name, context.RemoteEndPoint, context.LocalEndPoint);
        return listener.Tls is null
            ? new PipeConnection(_services, context, info).RunAsync()
            : ServeTlsAsync(context, listener.Tls, info);
    }

    private async Task ServeTlsAsync(
        ConnectionContext context, SslServerAuthenticationOptions options, ConnectionInfo info)
    {
        TlsPipe pipe;
        try
        {
            using var deadline = new CancellationTokenSource(HandshakeTimeout, _services.Time);
            pipe = await TlsPipe.AcceptAsync(context.Transport, options, deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException)
        {
            ConnectionLog.Closed(_services.Logger, CloseReason.TlsHandshakeFailed, info, e.Message);
            return;
        }

        await using (pipe.ConfigureAwait(false))
        {
            context.Transport = pipe;
            await new PipeConnection(_services, context, info).RunAsync().ConfigureAwait(false);
        }
    }

    private void StartSweep()
    {
        TimeSpan idle = _options.Limits.IdleTimeout;
        TimeSpan period = TimeSpan.FromSeconds(Math.Clamp(idle.TotalSeconds / 8, 0.5, 30));
        if (idle == Timeout.InfiniteTimeSpan)
        {
            period = TimeSpan.FromSeconds(30);
        }

        _sweep = _services.Time.CreateTimer(
            static state => ((KafkaEndpoint)state!).Sweep(), this, period, period);
    }

    private void Sweep()
    {
        _services.Pool.Trim();
        TimeSpan idle = _options.Limits.IdleTimeout;
        if (idle == Timeout.InfiniteTimeSpan)
        {
            return;
        }

        long now = _services.Time.GetTimestamp();
        foreach (KafkaConnection connection in _services.Registry.Connections)
        {
            connection.CloseIfIdle(now, idle);
        }
    }

    private void AbortAll()
    {
        foreach (KafkaConnection connection in _services.Registry.Connections)
        {
            connection.RequestClose(CloseReason.ServerAborted);
        }
    }

    /// <summary>Kestrel wants an HTTP application; no listener ever reaches it.</summary>
    private sealed class NoHttp : IHttpApplication<object>
    {
        public object CreateContext(IFeatureCollection contextFeatures) => throw new NotSupportedException();

        public void DisposeContext(object context, Exception? exception)
        {
        }

        public Task ProcessRequestAsync(object context) => throw new NotSupportedException();
    }
}
