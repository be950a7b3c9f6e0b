using System.Buffers.Binary;
using System.Text;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Tests.Connections;

public class BadInputTests
{
    public static TheoryData<bool, string, CloseReason> Frames { get; } = new()
    {
        { true, "7fffffff", CloseReason.RequestTooLarge },
        { false, "7fffffff", CloseReason.RequestTooLarge },
        { true, "ffffffff", CloseReason.InvalidLength },
        { false, "80000000", CloseReason.InvalidLength },
        { true, "00000000", CloseReason.InvalidLength },
        { false, "00000003000000", CloseReason.InvalidLength },
        { true, "0000000a03e7000000000001ffff", CloseReason.UnknownApiKey },
        { false, "0000000affff000000000001ffff", CloseReason.UnknownApiKey },
        { true, "0000000a0000006300000001ffff", CloseReason.UnsupportedVersion },
        { true, "0000000a0000ffff00000001ffff", CloseReason.UnsupportedVersion },
        { true, "000000080000000000000001", CloseReason.MalformedHeader },
        { false, "0000000a000000000000000100ff", CloseReason.MalformedHeader },
        { true, "0000000c00000009000000010000ffff", CloseReason.MalformedHeader },
    };

    [Theory]
    [MemberData(nameof(Frames))]
    public async Task Frame_Bad_ClosesWithReasonAndSendsNothing(bool sockets, string hex, CloseReason reason)
    {
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, Handlers());
        using TestClient other = gateway.Connect();
        using TestClient client = gateway.Connect();
        await client.SendRawAsync(Convert.FromHexString(hex));
        Assert.Equal(0, await client.ReadToEndAsync());
        await gateway.ClosedForAsync(reason);
        await AssertServesAsync(other);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Http_Request_ClosesAndSaysSo(bool sockets)
    {
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, Handlers());
        using TestClient client = gateway.Connect();
        await client.SendRawAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: broker\r\n\r\n"));
        Assert.Equal(0, await client.ReadToEndAsync());
        await gateway.ClosedForAsync(CloseReason.RequestTooLarge);
        Assert.Contains(gateway.Lines, line => line.Contains("HTTP", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Frame_CutAtEveryByte_ArrivesWhole(bool sockets)
    {
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, Handlers());
        byte[] frame = TestClient.Frame(ApiKey.Produce, 5, [1, 2, 3, 4, 5], id: "somebody");
        using TestClient client = gateway.Connect();
        for (int cut = 1; cut < frame.Length; cut++)
        {
            await client.SendRawAsync(frame.AsMemory(0, cut));
            using (TestClient other = gateway.Connect())
            {
                await AssertServesAsync(other);
            }

            await client.SendRawAsync(frame.AsMemory(cut));
            Assert.Equal([1, 2, 3, 4, 5], (await client.ReceiveAsync())!.Value.Body);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Frame_CutAndPeerGone_ClosesQuietly(bool sockets)
    {
        int handled = 0;
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            Interlocked.Increment(ref handled);
            DelegateHandler.Echo(context);
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        byte[] frame = TestClient.Frame(ApiKey.Produce, 5, [1, 2, 3]);
        for (int cut = 0; cut < frame.Length; cut++)
        {
            using TestClient client = gateway.Connect();
            await client.SendRawAsync(frame.AsMemory(0, cut));
        }

        await gateway.ClosedForAsync(CloseReason.ClosedByPeer, frame.Length);
        Assert.Equal(0, handled);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RandomBytes_ManyConnections_AllClosedOthersServed(bool sockets)
    {
        const int Connections = 200;
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, Handlers());
        using TestClient other = gateway.Connect();
        var random = new Random(42);
        for (int i = 0; i < Connections; i++)
        {
            using TestClient client = gateway.Connect();
            byte[] junk = new byte[random.Next(1, 4_000)];
            random.NextBytes(junk);
            try
            {
                await client.SendRawAsync(junk);
            }
            catch (IOException)
            {
                // Closed before all of it was sent.
            }

            await AssertServesAsync(other);
        }

        await gateway.ClosedAsync(Connections);
        await gateway.Endpoint.StopAsync();
        Assert.Equal(0, gateway.Endpoint.ConnectionCount);
        Assert.Equal(Connections + 1, gateway.Closed.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task BadFrame_BehindUnansweredOnes_ClosesAfterTheirAnswers(bool sockets)
    {
        var held = new TaskCompletionSource<RequestContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            context.KeepBody();
            held.SetResult(context);
        });
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, [handler]);
        using TestClient client = gateway.Connect();
        await client.SendAsync(ApiKey.Produce, 1, 9);
        await client.SendRawAsync(Convert.FromHexString("ffffffff"));
        RequestContext context = await held.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Empty(gateway.Closed);
        DelegateHandler.Echo(context);
        Assert.Equal([9], (await client.ReceiveAsync())!.Value.Body);
        Assert.Null(await client.ReceiveAsync());
        await gateway.ClosedAsync(1);
        Assert.Equal([CloseReason.InvalidLength], gateway.Closed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(99)]
    [InlineData(-1)]
    public async Task ApiVersions_VersionNotServed_Answers35InVersion0AndStays(short version)
    {
        var versions = new DelegateHandler(ApiKey.ApiVersions, DelegateHandler.Echo, RequestOrder.Sequential);
        await using TestGateway gateway = await TestGateway.StartAsync(sockets: true, [versions, .. Handlers()]);
        using TestClient client = gateway.Connect();
        await client.SendRawAsync(TestClient.Frame(ApiKey.ApiVersions, 77, [], version));
        (int Correlation, byte[] Body)? answer = await client.ReceiveAsync();
        Assert.Equal(77, answer!.Value.Correlation);
        Assert.Equal("0023" + "00000001" + "0012" + "0000" + "0000", Convert.ToHexString(answer.Value.Body));
        await AssertServesAsync(client);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LengthPrefix_OfHugeFrame_TakesNoMemory(bool sockets)
    {
        const int Connections = 200;
        await using TestGateway gateway = await TestGateway.StartAsync(sockets, Handlers());
        var clients = new List<TestClient>();
        byte[] start = new byte[200];
        BinaryPrimitives.WriteInt32BigEndian(start, 90_000_000);
        for (int i = 0; i < Connections; i++)
        {
            TestClient client = gateway.Connect();
            clients.Add(client);
            await client.SendRawAsync(start);
        }

        using (TestClient other = gateway.Connect())
        {
            await AssertServesAsync(other);
        }

        Assert.InRange(gateway.Endpoint.Services.Pool.RentedBytes, 0, 1024 * 1024);
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Handler_Throws_ClosesThatConnectionOnly()
    {
        var failing = new DelegateHandler(ApiKey.Fetch, _ => throw new InvalidOperationException("on purpose"));
        await using TestGateway gateway = await TestGateway.StartAsync(sockets: true, [failing, .. Handlers()]);
        using TestClient other = gateway.Connect();
        using TestClient client = gateway.Connect();
        await client.SendAsync(ApiKey.Fetch, 1);
        Assert.Null(await client.ReceiveAsync());
        await gateway.ClosedForAsync(CloseReason.HandlerFailed);
        await AssertServesAsync(other);
    }

    private static RequestHandler[] Handlers() => [new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo, max: 9)];

    private static async Task AssertServesAsync(TestClient client)
    {
        await client.SendAsync(ApiKey.Produce, 1, 42);
        Assert.Equal([42], (await client.ReceiveAsync())!.Value.Body);
    }
}
