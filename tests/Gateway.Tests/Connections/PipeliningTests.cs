using System.Collections.Concurrent;
using System.Security.Cryptography;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Tests.Connections;

public class PipeliningTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_Answered_EchoesBodyAndCorrelationId(bool sockets)
    {
        await using TestGateway gateway = await TestGateway.StartAsync(
            sockets, [new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo)]);
        using TestClient client = gateway.Connect();
        for (int i = 0; i < 20; i++)
        {
            await client.SendAsync(ApiKey.Produce, i, 1, 2, (byte)i);
            (int Correlation, byte[] Body)? answer = await client.ReceiveAsync();
            Assert.Equal(i, answer!.Value.Correlation);
            Assert.Equal([1, 2, (byte)i], answer.Value.Body);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Answers_CompletedInReverse_LeaveInOrder(bool sockets)
    {
        const int Count = 32;
        var waiting = new ConcurrentStack<RequestContext>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            context.KeepBody();
            waiting.Push(context);
            if (waiting.Count == Count)
            {
                all.SetResult();
            }
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using TestClient client = gateway.Connect();
        for (int i = 0; i < Count; i++)
        {
            await client.SendAsync(ApiKey.Produce, i, (byte)i);
        }

        await all.Task.WaitAsync(TimeSpan.FromSeconds(20));
        while (waiting.TryPop(out RequestContext? context))
        {
            DelegateHandler.Echo(context);
        }

        for (int i = 0; i < Count; i++)
        {
            (int Correlation, byte[] Body)? answer = await client.ReceiveAsync();
            Assert.Equal(i, answer!.Value.Correlation);
            Assert.Equal([(byte)i], answer.Value.Body);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Requests_ManyConnectionsAnsweredFromManyThreads_AllInOrder(bool sockets)
    {
        const int Connections = 8;
        const int Requests = 2_000;
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            if (context.CorrelationId % 3 == 0)
            {
                DelegateHandler.Echo(context);
                return;
            }

            context.KeepBody();
            ThreadPool.UnsafeQueueUserWorkItem(DelegateHandler.Echo, context, context.CorrelationId % 2 == 0);
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(async seed =>
        {
            using TestClient client = gateway.Connect();
            var random = new Random(seed);
            byte[][] bodies = [.. Enumerable.Range(0, Requests).Select(_ => Bytes(random, random.Next(0, 3_000)))];
            Task sending = Task.Run(async () =>
            {
                for (int i = 0; i < Requests; i++)
                {
                    await client.SendAsync(ApiKey.Produce, i, bodies[i]);
                }
            });
            for (int i = 0; i < Requests; i++)
            {
                (int Correlation, byte[] Body)? answer = await client.ReceiveAsync();
                Assert.Equal(i, answer!.Value.Correlation);
                Assert.Equal(bodies[i], answer.Value.Body);
            }

            await sending;
        }));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_WithoutAnswer_IsSkipped(bool sockets)
    {
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            if (context.CorrelationId % 2 == 0)
            {
                context.Response.CompleteWithoutAnswer();
            }
            else
            {
                DelegateHandler.Echo(context);
            }
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using TestClient client = gateway.Connect();
        for (int i = 0; i < 200; i++)
        {
            await client.SendAsync(ApiKey.Produce, i);
        }

        for (int i = 1; i < 200; i += 2)
        {
            Assert.Equal(i, (await client.ReceiveAsync())!.Value.Correlation);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_LargerThanManyBlocks_ArrivesWhole(bool sockets)
    {
        byte[] digest = [];
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (ReadOnlyMemory<byte> part in context.Body)
            {
                sha.AppendData(part.Span);
            }

            digest = sha.GetHashAndReset();
            digest.CopyTo(context.Response.GetSpan(digest.Length));
            context.Response.Advance(digest.Length);
            context.Response.Complete();
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using TestClient client = gateway.Connect();
        var random = new Random(7);
        foreach (int size in (int[])[0, 1, 16_384, 131_000, 131_060, 131_072, 1_048_576, 3_000_001, 5, 20_000_000])
        {
            byte[] body = Bytes(random, size);
            await client.SendAsync(ApiKey.Produce, size, body);
            Assert.Equal(SHA256.HashData(body), (await client.ReceiveAsync())!.Value.Body);
        }
    }

    private static byte[] Bytes(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
