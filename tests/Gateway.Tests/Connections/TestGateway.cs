using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Kafka.Gateway.Connections;

namespace Orleans.Kafka.Gateway.Tests.Connections;

/// <summary>An endpoint under test, in memory or on loopback sockets, with its log lines.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private readonly MemoryTransport? _memory;
    private readonly EndPoint _endPoint;
    private readonly CapturedLog _log = new();

    private TestGateway(bool sockets, ConnectionLimits limits, TimeProvider? time, RequestHandler[] handlers)
    {
        _memory = sockets ? null : new MemoryTransport();
        _endPoint = sockets ? new IPEndPoint(IPAddress.Loopback, 0) : new DnsEndPoint("memory", 1);
        var options = new KafkaEndpointOptions
        {
            Listeners = [new KafkaListenerOptions { Name = "PLAINTEXT", EndPoint = _endPoint }],
            Limits = limits,
            Threads = 2,
            Transport = _memory,
            PoisonMemory = true,
        };
        Endpoint = new KafkaEndpoint(options, new RequestHandlerTable(handlers), time, new CapturedLogFactory(_log));
    }

    public KafkaEndpoint Endpoint { get; }

    public IReadOnlyCollection<CloseReason> Closed => _log.Reasons;

    public IReadOnlyCollection<string> Lines => _log.Lines;

    public static async Task<TestGateway> StartAsync(
        bool sockets, RequestHandler[] handlers, ConnectionLimits? limits = null, TimeProvider? time = null)
    {
        var gateway = new TestGateway(sockets, limits ?? new ConnectionLimits(), time, handlers);
        await gateway.Endpoint.StartAsync();
        return gateway;
    }

    public TestClient Connect(IPAddress? from = null, int receiveBuffer = 0)
    {
        if (_memory is not null)
        {
            return new TestClient(_memory.Connect(_endPoint, from, receiveBuffer > 0 ? receiveBuffer : 64 * 1024));
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer > 0)
        {
            socket.ReceiveBufferSize = receiveBuffer;
        }

        socket.Connect(Endpoint.BoundListeners[0].EndPoint);
        return new TestClient(new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>Waits until a connection was closed for <paramref name="reason"/>.</summary>
    public async Task ClosedForAsync(CloseReason reason, int count = 1)
    {
        await _log.WaitAsync(() => _log.Reasons.Count(r => r == reason) >= count, $"{count} x {reason}");
    }

    /// <summary>Has time pass until a connection was closed for <paramref name="reason"/>.</summary>
    public async Task ClosedForAsync(CloseReason reason, ManualTime time, TimeSpan step)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!_log.Reasons.Contains(reason))
        {
            Assert.False(patience.IsCancellationRequested, $"none was closed for {reason}: {string.Join(' ', _log.Reasons)}");
            time.Advance(step);
            await Task.Yield();
        }
    }

    /// <summary>Waits until that many connections were closed for whatever reason.</summary>
    public async Task ClosedAsync(int count)
    {
        await _log.WaitAsync(() => _log.Reasons.Count >= count, $"{count} closed");
    }

    public ValueTask DisposeAsync() => Endpoint.DisposeAsync();

    private sealed class CapturedLogFactory(CapturedLog log) : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) =>
            categoryName.StartsWith("Orleans", StringComparison.Ordinal) ? log : NullLogger.Instance;

        public void Dispose()
        {
        }
    }

    private sealed class CapturedLog : ILogger
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

        private readonly ConcurrentQueue<CloseReason> _reasons = new();
        private readonly ConcurrentQueue<string> _lines = new();
        private volatile TaskCompletionSource _changed = New();

        public IReadOnlyCollection<CloseReason> Reasons => _reasons;

        public IReadOnlyCollection<string> Lines => _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Debug;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            _lines.Enqueue($"{logLevel} {formatter(state, exception)} {exception?.Message}");
            if (eventId.Name == "Closed" && state is IReadOnlyList<KeyValuePair<string, object?>> values)
            {
                _reasons.Enqueue((CloseReason)values.Single(v => v.Key == "Reason").Value!);
            }

            Interlocked.Exchange(ref _changed, New()).TrySetResult();
        }

        public async Task WaitAsync(Func<bool> condition, string what)
        {
            while (true)
            {
                Task changed = _changed.Task;
                if (condition())
                {
                    return;
                }

                try
                {
                    await changed.WaitAsync(Patience);
                }
                catch (TimeoutException)
                {
                    Assert.Fail($"{what} did not come; log: {string.Join('\n', _lines.TakeLast(20))}");
                }
            }
        }

        private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
