using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Gateway.Tests.Connections;

public sealed partial class FileRangeTests : IDisposable
{
    private readonly string _path = System.IO.Path.GetTempFileName();
    private readonly byte[] _content = new byte[5_000_000];

    public FileRangeTests()
    {
        new Random(3).NextBytes(_content);
        File.WriteAllBytes(_path, _content);
    }

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Ranges_OfAllSizes_ArriveBetweenTheBytesAround(bool sockets, bool withHandle)
    {
        using var file = new TestFile(_path, withHandle);
        (long Position, int Length)[] ranges =
            [(0, 100), (5, 16_384), (77, 16_385), (1_000, 70_000), (0, 0), (1_000_000, 3_999_999), (9, 1)];
        int released = 0;
        var handler = new DelegateHandler(ApiKey.Fetch, context =>
        {
            foreach ((long position, int length) in ranges)
            {
                context.Response.GetSpan(1)[0] = 0xAA;
                context.Response.Advance(1);
                context.Response.AppendFile(file, position, length);
            }

            context.Response.GetSpan(1)[0] = 0xBB;
            context.Response.Advance(1);
            context.Response.AfterSend(_ => Interlocked.Increment(ref released), null);
            context.Response.AfterSend(_ => Interlocked.Increment(ref released), null);
            context.Response.Complete();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using TestClient client = gateway.Connect();
        byte[] expected = [.. ranges.SelectMany(r =>
            (byte[])[0xAA, .. _content.AsSpan((int)r.Position, r.Length)]), 0xBB];
        for (int i = 0; i < 3; i++)
        {
            await client.SendAsync(ApiKey.Fetch, i);
            byte[] body = (await client.ReceiveAsync())!.Value.Body;
            Assert.True(expected.AsSpan().SequenceEqual(body));
        }

        await gateway.Endpoint.StopAsync();
        Assert.Equal(6, released);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SlowReader_OfFileRange_DoesNotHoldUpOthersAndReleasesWhenGone(bool sockets)
    {
        using var file = new TestFile(_path, withHandle: true);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new DelegateHandler(ApiKey.Fetch, context =>
        {
            for (int i = 0; i < 10; i++)
            {
                context.Response.AppendFile(file, 0, _content.Length);
            }

            context.Response.AfterSend(static source => ((TaskCompletionSource)source!).SetResult(), released);
            context.Response.Complete();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets, [handler, new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo)]);
        using TestClient other = gateway.Connect();
        using (TestClient slow = gateway.Connect(receiveBuffer: 32 * 1024))
        {
            await slow.SendAsync(ApiKey.Fetch, 1);
            for (int i = 0; i < 200; i++)
            {
                await other.SendAsync(ApiKey.Produce, i);
                Assert.Equal(i, (await other.ReceiveAsync())!.Value.Correlation);
            }

            Assert.False(released.Task.IsCompleted);
        }

        await released.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(16_000)]
    [InlineData(4_000_000)]
    public async Task Range_NotInThePageCache_ArrivesWhileOthersAreServed(int length)
    {
        using var file = new TestFile(_path, withHandle: true);
        var handler = new DelegateHandler(ApiKey.Fetch, context =>
        {
            context.Response.AppendFile(file, 1_000, length);
            context.Response.Complete();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets: true, [handler]);
        using TestClient client = gateway.Connect();
        for (int i = 0; i < 5; i++)
        {
            file.DropFromPageCache();
            await client.SendAsync(ApiKey.Fetch, i);
            byte[] body = (await client.ReceiveAsync())!.Value.Body;
            Assert.True(_content.AsSpan(1_000, length).SequenceEqual(body));
        }
    }

    [Theory]
    [InlineData(true, true, 100_000)]
    [InlineData(true, true, 100)]
    [InlineData(true, false, 100_000)]
    [InlineData(false, true, 100_000)]
    public async Task Range_BeyondTheFile_ClosesTheConnection(bool sockets, bool withHandle, int length)
    {
        using var file = new TestFile(_path, withHandle);
        var handler = new DelegateHandler(ApiKey.Fetch, context =>
        {
            context.Response.AppendFile(file, _content.Length - 10, length);
            context.Response.Complete();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using TestClient client = gateway.Connect();
        await client.SendAsync(ApiKey.Fetch, 1);
        await client.ReadToEndAsync();
        await gateway.ClosedForAsync(CloseReason.ReadFailed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Range_WhoseReadingThrowsWhatNobodyExpects_ClosesTheConnection(bool sockets)
    {
        using var file = new TestFile(_path, withHandle: false) { Failure = new NotSupportedException("never seen") };
        var handler = new DelegateHandler(ApiKey.Fetch, context =>
        {
            context.Response.AppendFile(file, 0, 100_000);
            context.Response.Complete();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using TestClient client = gateway.Connect();
        await client.SendAsync(ApiKey.Fetch, 1);
        await client.ReadToEndAsync();
        await gateway.ClosedForAsync(CloseReason.HandlerFailed);
    }

    private sealed partial class TestFile(string path, bool withHandle) : IFile
    {
        private readonly SafeFileHandle _handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);

        public string Path => path;

        public long Length => RandomAccess.GetLength(_handle);

        public SafeFileHandle? Handle => withHandle ? _handle : null;

        public Exception? Failure { get; init; }

        public int Read(Span<byte> target, long position) =>
            Failure is null ? RandomAccess.Read(_handle, target, position) : throw Failure;

        /// <summary>The file was never changed since it was flushed, so that the kernel may forget all of it.</summary>
        public void DropFromPageCache()
        {
            const int DontNeed = 4;
            RandomAccess.FlushToDisk(_handle);
            if (OperatingSystem.IsLinux())
            {
                Assert.Equal(0, posix_fadvise((int)_handle.DangerousGetHandle(), 0, 0, DontNeed));
            }
        }

        public void Write(ReadOnlySpan<byte> bytes, long position) => throw new NotSupportedException();

        public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position) =>
            throw new NotSupportedException();

        public void Flush() => throw new NotSupportedException();

        public void SetLength(long length) => throw new NotSupportedException();

        public void Dispose() => _handle.Dispose();

        [LibraryImport("libc")]
        private static partial int posix_fadvise(int file, long offset, long length, int advice);
    }
}
