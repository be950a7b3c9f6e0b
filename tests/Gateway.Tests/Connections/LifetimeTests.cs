using System.Collections.Concurrent;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Tests.Connections;

public class LifetimeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stop_WithRequestInFlight_AnswersItFirst(bool sockets)
    {
        var held = new TaskCompletionSource<RequestContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            context.KeepBody();
            held.SetResult(context);
        });
        TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using TestClient idle = gateway.Connect();
        using TestClient client = gateway.Connect();
        await client.SendAsync(ApiKey.Produce, 4, 1);
        RequestContext context = await held.Task.WaitAsync(Patience);
        Task stop = gateway.Endpoint.StopAsync();
        Assert.Null(await idle.ReceiveAsync());
        Assert.False(stop.IsCompleted);
        DelegateHandler.Echo(context);
        Assert.Equal(4, (await client.ReceiveAsync())!.Value.Correlation);
        Assert.Null(await client.ReceiveAsync());
        await stop.WaitAsync(Patience);
        Assert.All(gateway.Closed, reason => Assert.Equal(CloseReason.ServerShutdown, reason));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Stop_DeadlinePassed_CutsOff(bool sockets)
    {
        var time = new ManualTime();
        var held = new TaskCompletionSource<RequestContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        var abandoned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new DelegateHandler(ApiKey.Fetch, context =>
        {
            context.Response.OnAbandoned(static source => ((TaskCompletionSource)source!).SetResult(), abandoned);
            held.SetResult(context);
        });
        TestGateway gateway = await TestGateway.StartAsync(sockets, [handler], time: time);
        using TestClient client = gateway.Connect();
        await client.SendAsync(ApiKey.Fetch, 4);
        RequestContext context = await held.Task.WaitAsync(Patience);
        Task stop = gateway.Endpoint.StopAsync();
        Assert.False(stop.IsCompleted);
        time.Advance(TimeSpan.FromMinutes(1));
        await stop.WaitAsync(Patience);
        await abandoned.Task.WaitAsync(Patience);
        Assert.True(context.Response.IsAbandoned);
        context.Response.Complete();
        await gateway.ClosedAsync(1);
        Assert.Equal([CloseReason.ServerAborted], gateway.Closed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Peer_GoneWhileRequestWaits_AbandonsIt(bool sockets)
    {
        var abandoned = new TaskCompletionSource<RequestContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new DelegateHandler(ApiKey.Fetch, context =>
        {
            context.KeepBody();
            context.Response.OnAbandoned(state => abandoned.SetResult((RequestContext)state!), context);
            held.SetResult();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using (TestClient client = gateway.Connect())
        {
            await client.SendAsync(ApiKey.Fetch, 4);
            await held.Task.WaitAsync(Patience);
        }

        RequestContext context = await abandoned.Task.WaitAsync(Patience);
        Assert.True(context.Response.IsAbandoned);
        Assert.True(context.Connection.Closed.IsCancellationRequested);
        DelegateHandler.Echo(context);
    }

    /// <summary>The pool overwrites what is given back: a body that outlives its turn unkept would change.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task KeptBody_WhileOthersReceive_StaysAsItWas(bool sockets)
    {
        const int Kept = 40;
        var kept = new ConcurrentQueue<RequestContext>();
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            context.KeepBody();
            kept.Enqueue(context);
        });
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets, [handler, new DelegateHandler(ApiKey.Fetch, DelegateHandler.Echo)]);
        using TestClient client = gateway.Connect();
        using TestClient other = gateway.Connect();
        var random = new Random(1);
        var bodies = new List<byte[]>();
        for (int i = 0; i < Kept; i++)
        {
            byte[] body = new byte[random.Next(1, i % 5 == 0 ? 400_000 : 2_000)];
            random.NextBytes(body);
            bodies.Add(body);
            await client.SendAsync(ApiKey.Produce, i, body);
            byte[] noise = new byte[random.Next(1, 300_000)];
            await other.SendAsync(ApiKey.Fetch, i, noise);
            Assert.Equal(noise, (await other.ReceiveAsync())!.Value.Body);
        }

        Assert.True(SpinWait.SpinUntil(() => kept.Count == Kept, Patience));
        foreach (RequestContext context in kept.Reverse())
        {
            DelegateHandler.Echo(context);
        }

        for (int i = 0; i < Kept; i++)
        {
            (int Correlation, byte[] Body)? answer = await client.ReceiveAsync();
            Assert.Equal(i, answer!.Value.Correlation);
            Assert.Equal(bodies[i], answer.Value.Body);
        }

        await gateway.Endpoint.StopAsync();
        Assert.Equal(0, gateway.Endpoint.Services.Pool.RentedBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SequentialRequest_BehindOthers_StartsWhenTheyAreDoneAndHoldsTheRest(bool sockets)
    {
        var started = new ConcurrentQueue<int>();
        var waiting = new ConcurrentDictionary<int, RequestContext>();
        var moved = new SemaphoreSlim(0);
        void Hold(RequestContext context)
        {
            context.KeepBody();
            started.Enqueue(context.CorrelationId);
            waiting[context.CorrelationId] = context;
            moved.Release();
        }

        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets,
            [
                new DelegateHandler(ApiKey.Produce, Hold, RequestOrder.Pipelined),
                new DelegateHandler(ApiKey.Fetch, Hold, RequestOrder.Independent),
                new DelegateHandler(ApiKey.OffsetCommit, Hold, RequestOrder.Sequential),
            ]);
        using TestClient client = gateway.Connect();
        await client.SendAsync(ApiKey.Fetch, 0);
        await client.SendAsync(ApiKey.Produce, 1);
        await client.SendAsync(ApiKey.Produce, 2);
        await client.SendAsync(ApiKey.OffsetCommit, 3);
        await client.SendAsync(ApiKey.Produce, 4);
        await client.SendAsync(ApiKey.OffsetCommit, 5);
        await MovedAsync(3);
        Assert.Equal([0, 1, 2], started);
        waiting[2].Response.Complete();
        waiting[1].Response.Complete();
        await MovedAsync(1);
        Assert.Equal([0, 1, 2, 3], started);
        waiting[3].Response.Complete();
        await MovedAsync(1);
        Assert.Equal([0, 1, 2, 3, 4], started);
        waiting[4].Response.Complete();
        await MovedAsync(1);
        waiting[5].Response.Complete();
        waiting[0].Response.Complete();
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(i, (await client.ReceiveAsync())!.Value.Correlation);
        }

        async Task MovedAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                Assert.True(await moved.WaitAsync(Patience));
            }
        }
    }

    [Fact]
    public async Task TurnWork_EnlistedByManyRequests_RunsOnceForAllOfTheTurn()
    {
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            Gathered work = context.Turn.Work(static () => new Gathered());
            if (work.Contexts.Count == 0)
            {
                context.Turn.Enlist(work);
            }

            work.Contexts.Add(context);
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets: true, [handler]);
        using TestClient client = gateway.Connect();
        await client.SendRawAsync(
            Enumerable.Range(0, 10).SelectMany(i => TestClient.Frame(ApiKey.Produce, i, [])).ToArray());
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal([10], (await client.ReceiveAsync())!.Value.Body);
        }
    }

    private sealed class Gathered : ITurnWork
    {
        public List<RequestContext> Contexts { get; } = [];

        public void Run()
        {
            foreach (RequestContext context in Contexts)
            {
                context.Response.GetSpan(1)[0] = (byte)Contexts.Count;
                context.Response.Advance(1);
                context.Response.Complete();
            }

            Contexts.Clear();
        }
    }
}
