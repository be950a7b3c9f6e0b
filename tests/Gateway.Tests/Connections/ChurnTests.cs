using System.Collections.Concurrent;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Tests.Connections;

public class ChurnTests
{
    /// <summary>
    /// Clients that come, pipeline requests of all kinds, read some answers and vanish, while answers are completed by
    /// other threads: in the end nothing may be held and nothing may have gone wrong.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connections_VanishingAtAnyMoment_LeaveNothingBehind(bool sockets)
    {
        const int Clients = 12;
        const int Lives = 12;
        int begun = 0;
        int done = 0;
        var parked = new ConcurrentQueue<RequestContext>();
        void Complete(RequestContext context)
        {
            DelegateHandler.Echo(context);
            Interlocked.Increment(ref done);
        }

        void Handle(RequestContext context)
        {
            Interlocked.Increment(ref begun);
            switch (context.CorrelationId % 4)
            {
                case 0:
                    Complete(context);
                    break;
                case 1:
                    context.KeepBody();
                    ThreadPool.UnsafeQueueUserWorkItem(Complete, context, preferLocal: false);
                    break;
                case 2 when context.ApiKey == ApiKey.Fetch:
                    context.KeepBody();
                    context.Response.OnAbandoned(static _ => { }, null);
                    parked.Enqueue(context);
                    break;
                default:
                    while (parked.TryDequeue(out RequestContext? waiting))
                    {
                        Complete(waiting);
                    }

                    Complete(context);
                    break;
            }
        }

        RequestHandler[] handlers =
        [
            new DelegateHandler(ApiKey.Produce, Handle, RequestOrder.Pipelined),
            new DelegateHandler(ApiKey.Fetch, Handle, RequestOrder.Independent),
            new DelegateHandler(ApiKey.Metadata, context =>
            {
                Interlocked.Increment(ref begun);
                Complete(context);
            },
            RequestOrder.Sequential),
        ];
        TestGateway gateway = await TestGateway.StartAsync(sockets, handlers);
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            for (int life = 0; life < Lives; life++)
            {
                using TestClient client = gateway.Connect();
                await LiveAsync(client, random);
            }
        })));
        await gateway.ClosedAsync(Clients * Lives);
        while (Volatile.Read(ref done) < Volatile.Read(ref begun))
        {
            if (parked.TryDequeue(out RequestContext? waiting))
            {
                Complete(waiting);
            }
        }

        await gateway.Endpoint.StopAsync();
        Assert.Equal(0, gateway.Endpoint.ConnectionCount);
        Assert.Equal(0, gateway.Endpoint.Services.Pool.RentedBytes);
        Assert.DoesNotContain(gateway.Lines, line => line.StartsWith("Critical", StringComparison.Ordinal));
        Assert.All(gateway.Closed, reason => Assert.True(
            reason is CloseReason.ClosedByPeer or CloseReason.ConnectionLost, reason.ToString()));
    }

    private static async Task LiveAsync(TestClient client, Random random)
    {
        ApiKey[] keys = [ApiKey.Produce, ApiKey.Produce, ApiKey.Fetch, ApiKey.Metadata];
        int count = random.Next(2, 60);
        for (int i = 0; i < count; i++)
        {
            byte[] body = new byte[random.Next(0, i % 10 == 0 ? 300_000 : 500)];
            byte[] frame = TestClient.Frame(keys[random.Next(keys.Length)], i, body);
            int sent = i == count - 1 ? random.Next(frame.Length) : frame.Length;
            await client.SendRawAsync(frame.AsMemory(0, sent));
            if (i == 0 && random.Next(2) == 0)
            {
                await client.ReceiveAsync();
            }
        }
    }
}
