using System.Net;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Tests.Connections;

public class BoundsTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Peer_ThatDoesNotRead_IsNotReadFrom(bool sockets)
    {
        const int AnswerBytes = 64 * 1024;
        int handled = 0;
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            Interlocked.Increment(ref handled);
            context.Response.GetSpan(AnswerBytes);
            context.Response.Advance(AnswerBytes);
            context.Response.Complete();
        });
        var limits = new ConnectionLimits { MaxOutputBytes = 256 * 1024, SendBufferBytes = 64 * 1024 };
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler], limits);
        using TestClient client = gateway.Connect(receiveBuffer: 64 * 1024);
        const int Requests = 2_000;
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < Requests; i++)
            {
                await client.SendAsync(ApiKey.Produce, i);
            }
        });
        using TestClient other = gateway.Connect();
        for (int i = 0; i < 100; i++)
        {
            await other.SendAsync(ApiKey.Produce, i);
            Assert.Equal(i, (await other.ReceiveAsync())!.Value.Correlation);
        }

        Assert.InRange(Volatile.Read(ref handled) - 100, 0, 200);
        for (int i = 0; i < Requests; i++)
        {
            Assert.Equal(i, (await client.ReceiveAsync())!.Value.Correlation);
        }

        await sending;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Requests_MoreThanInFlightBound_Wait(bool sockets)
    {
        const int Bound = 4;
        var held = new Queue<RequestContext>();
        var full = new SemaphoreSlim(0);
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            lock (held)
            {
                context.KeepBody();
                held.Enqueue(context);
            }

            full.Release();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets, [handler], new ConnectionLimits { MaxInFlight = Bound });
        using TestClient client = gateway.Connect();
        const int Requests = 50;
        for (int i = 0; i < Requests; i++)
        {
            await client.SendAsync(ApiKey.Produce, i, (byte)i);
        }

        for (int i = 0; i < Requests; i++)
        {
            Assert.True(await full.WaitAsync(TimeSpan.FromSeconds(20)));
            RequestContext context;
            lock (held)
            {
                Assert.InRange(held.Count, 1, Bound);
                context = held.Dequeue();
            }

            DelegateHandler.Echo(context);
            (int Correlation, byte[] Body)? answer = await client.ReceiveAsync();
            Assert.Equal(i, answer!.Value.Correlation);
            Assert.Equal([(byte)i], answer.Value.Body);
        }
    }

    /// <summary>The last answer leaves while the peer's buffer is full: whoever waits for its place must hear of it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_WaitingForAnAnswerThatThePeerReadsLate_StartsInTheEnd(bool sockets)
    {
        const int AnswerBytes = 40_000;
        var held = new TaskCompletionSource<RequestContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new DelegateHandler(ApiKey.Fetch, context =>
        {
            if (context.CorrelationId == 0)
            {
                context.Turn.Enlist(new AtTheEnd(() => held.SetResult(context)));
            }
            else
            {
                context.Response.Complete();
            }
        }, RequestOrder.Independent);
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets, [handler], new ConnectionLimits { MaxInFlight = 1, SendBufferBytes = 64 * 1024 });
        using TestClient client = gateway.Connect(receiveBuffer: 16 * 1024);
        await client.SendRawAsync(
            Enumerable.Range(0, 2).SelectMany(i => TestClient.Frame(ApiKey.Fetch, i, [])).ToArray());
        RequestContext first = await held.Task.WaitAsync(TimeSpan.FromSeconds(20));
        first.Response.GetSpan(AnswerBytes);
        first.Response.Advance(AnswerBytes);
        first.Response.Complete();
        Assert.Equal(0, (await client.ReceiveAsync())!.Value.Correlation);
        Assert.Equal(1, (await client.ReceiveAsync())!.Value.Correlation);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connections_Silent_AreClosedWhenIdleOthersStay(bool sockets)
    {
        int silent = sockets ? 400 : 2_000;
        var time = new ManualTime();
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets,
            [new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo)],
            new ConnectionLimits { IdleTimeout = TimeSpan.FromMinutes(10) },
            time);
        using TestClient busy = gateway.Connect();
        List<TestClient> clients = [.. Enumerable.Range(0, silent).Select(_ => gateway.Connect())];
        Assert.True(SpinWait.SpinUntil(() => gateway.Endpoint.ConnectionCount == silent + 1, TimeSpan.FromSeconds(20)));
        for (int minute = 0; minute < 25; minute++)
        {
            await busy.SendAsync(ApiKey.Produce, minute);
            Assert.Equal(minute, (await busy.ReceiveAsync())!.Value.Correlation);
            time.Advance(TimeSpan.FromMinutes(1));
            if (minute == 0)
            {
                Assert.Empty(gateway.Closed);
            }
        }

        await gateway.ClosedForAsync(CloseReason.Idle, silent);
        Assert.Equal(1, gateway.Endpoint.ConnectionCount);
        await busy.SendAsync(ApiKey.Produce, 99);
        Assert.Equal(99, (await busy.ReceiveAsync())!.Value.Correlation);
        clients.ForEach(client => client.Dispose());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connection_WaitingForItsAnswer_IsNotIdle(bool sockets)
    {
        var time = new ManualTime();
        var held = new TaskCompletionSource<RequestContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new DelegateHandler(ApiKey.Fetch, held.SetResult);
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler], time: time);
        using TestClient client = gateway.Connect();
        await client.SendAsync(ApiKey.Fetch, 3);
        RequestContext context = await held.Task.WaitAsync(TimeSpan.FromSeconds(20));
        time.Advance(TimeSpan.FromHours(1));
        context.Response.Complete();
        Assert.Equal(3, (await client.ReceiveAsync())!.Value.Correlation);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Peer_ThatNeverReads_IsClosedInTheEnd(bool sockets)
    {
        const int AnswerBytes = 1024 * 1024;
        var time = new ManualTime();
        var handled = new SemaphoreSlim(0);
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            context.Response.GetSpan(AnswerBytes);
            context.Response.Advance(AnswerBytes);
            context.Response.Complete();
            handled.Release();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets, [handler], new ConnectionLimits { SendBufferBytes = 64 * 1024 }, time);
        using TestClient client = gateway.Connect(receiveBuffer: 64 * 1024);
        await client.SendRawAsync(
            Enumerable.Range(0, 20).SelectMany(i => TestClient.Frame(ApiKey.Produce, i, [])).ToArray());
        Assert.True(await handled.WaitAsync(TimeSpan.FromSeconds(20)));
        await gateway.ClosedForAsync(CloseReason.PeerNotReading, time, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Connections_AboveTheLimit_AreClosedUntilThereIsRoom()
    {
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets: true,
            [new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo)],
            new ConnectionLimits { MaxConnections = 3 });
        TestClient[] clients = [gateway.Connect(), gateway.Connect(), gateway.Connect()];
        foreach (TestClient client in clients)
        {
            await client.SendAsync(ApiKey.Produce, 1);
            Assert.NotNull(await client.ReceiveAsync());
        }

        using (TestClient surplus = gateway.Connect())
        {
            Assert.Equal(0, await surplus.ReadToEndAsync());
        }

        await gateway.ClosedForAsync(CloseReason.TooManyConnections);
        clients[0].Dispose();
        await gateway.ClosedForAsync(CloseReason.ClosedByPeer);
        using TestClient next = gateway.Connect();
        await next.SendAsync(ApiKey.Produce, 1);
        Assert.NotNull(await next.ReceiveAsync());
        clients[1].Dispose();
        clients[2].Dispose();
    }

    [Fact]
    public async Task Connections_FromOneAddress_AreLimitedPerAddress()
    {
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets: false,
            [new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo)],
            new ConnectionLimits { MaxConnectionsPerAddress = 1 });
        using TestClient first = gateway.Connect(IPAddress.Parse("10.0.0.1"));
        await first.SendAsync(ApiKey.Produce, 1);
        Assert.NotNull(await first.ReceiveAsync());
        using TestClient second = gateway.Connect(IPAddress.Parse("10.0.0.1"));
        Assert.Equal(0, await second.ReadToEndAsync());
        using TestClient elsewhere = gateway.Connect(IPAddress.Parse("10.0.0.2"));
        await elsewhere.SendAsync(ApiKey.Produce, 1);
        Assert.NotNull(await elsewhere.ReceiveAsync());
        Assert.Equal([CloseReason.TooManyConnectionsFromAddress], gateway.Closed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ReceiveMemory_Exhausted_ClosesWhoHoldsIt(bool sockets)
    {
        var limits = new ConnectionLimits { MaxReceiveMemoryBytes = 1024 * 1024 };
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets, [new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo)], limits);
        using TestClient other = gateway.Connect();
        using TestClient client = gateway.Connect();
        try
        {
            await client.SendRawAsync(TestClient.Frame(ApiKey.Produce, 1, new byte[50_000_000]));
        }
        catch (IOException)
        {
            // Cut off before all of it was sent.
        }

        await gateway.ClosedForAsync(CloseReason.ReceiveMemoryExhausted);
        await other.SendAsync(ApiKey.Produce, 1, 7);
        Assert.Equal([7], (await other.ReceiveAsync())!.Value.Body);
    }

    /// <summary>Runs when the requests of a turn have been looked at: one that must wait waits by then.</summary>
    private sealed class AtTheEnd(Action action) : ITurnWork
    {
        public void Run() => action();
    }
}
