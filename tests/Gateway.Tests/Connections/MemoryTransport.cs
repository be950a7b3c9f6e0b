using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Orleans.Kafka.Gateway.Tests.Connections;

/// <summary>Connections that are pairs of pipes: no ports, no sockets.</summary>
internal sealed class MemoryTransport : IConnectionListenerFactory
{
    private readonly ConcurrentDictionary<string, Listener> _listeners = new();
    private int _ids;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        Listener listener = _listeners.GetOrAdd(endpoint.ToString()!, _ => new Listener(endpoint));
        return ValueTask.FromResult<IConnectionListener>(listener);
    }

    public Stream Connect(EndPoint endpoint, IPAddress? from = null, int window = 64 * 1024)
    {
        var options = new PipeOptions(
            pauseWriterThreshold: window, resumeWriterThreshold: window / 2, useSynchronizationContext: false);
        var toServer = new Pipe(options);
        var toClient = new Pipe(options);
        var server = new DuplexPipe(toServer.Reader, toClient.Writer);
        var client = new DuplexPipe(toClient.Reader, toServer.Writer);
        var context = new MemoryConnection($"memory-{Interlocked.Increment(ref _ids)}", server, client)
        {
            RemoteEndPoint = new IPEndPoint(from ?? IPAddress.Loopback, 1),
            LocalEndPoint = endpoint,
        };
        _listeners[endpoint.ToString()!].Accept(context);
        return new DuplexStream(client);
    }

    private sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }

    /// <summary>Abort breaks both pipes, as a socket would.</summary>
    private sealed class MemoryConnection(string id, IDuplexPipe transport, IDuplexPipe application)
        : DefaultConnectionContext(id, transport, application)
    {
        private readonly IDuplexPipe _client = application;

        public override void Abort(ConnectionAbortedException abortReason)
        {
            _client.Input.Complete(abortReason);
            _client.Output.Complete(abortReason);
        }
    }

    private sealed class Listener(EndPoint endPoint) : IConnectionListener
    {
        private readonly Channel<ConnectionContext> _accepted = Channel.CreateUnbounded<ConnectionContext>();

        public EndPoint EndPoint => endPoint;

        public void Accept(ConnectionContext context) => _accepted.Writer.TryWrite(context);

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (await _accepted.Reader.WaitToReadAsync(cancellationToken))
            {
                if (_accepted.Reader.TryRead(out ConnectionContext? context))
                {
                    return context;
                }
            }

            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _accepted.Writer.TryComplete();
            return default;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }

    private sealed class DuplexStream(IDuplexPipe pipe) : Stream
    {
        private readonly Stream _input = pipe.Input.AsStream();
        private readonly Stream _output = pipe.Output.AsStream();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush() => _output.Flush();

        public override int Read(byte[] buffer, int offset, int count) => _input.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _input.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => _output.Write(buffer, offset, count);

        public override ValueTask WriteAsync(
            ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            _output.WriteAsync(buffer, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            _output.Dispose();
            _input.Dispose();
            base.Dispose(disposing);
        }
    }
}
