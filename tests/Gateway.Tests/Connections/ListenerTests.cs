using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Tests.Connections;

public class ListenerTests
{
    [Fact]
    public async Task Listeners_PlainAndTls_ServeSideBySide()
    {
        using X509Certificate2 certificate = SelfSigned();
        string[] names = new string[2];
        var handler = new DelegateHandler(ApiKey.Produce, context =>
        {
            names[context.CorrelationId] = context.Connection.ListenerName;
            DelegateHandler.Echo(context);
        });
        await using var endpoint = new KafkaEndpoint(
            new KafkaEndpointOptions
            {
                Listeners =
                [
                    KafkaListenerOptions.Create("PLAIN", "127.0.0.1", 0),
                    KafkaListenerOptions.Create("SECURE", "127.0.0.1", 0) with
                    {
                        Tls = new SslServerAuthenticationOptions { ServerCertificate = certificate },
                    },
                ],
            },
            new RequestHandlerTable([handler]));
        await endpoint.StartAsync();
        Assert.Equal(["PLAIN", "SECURE"], endpoint.BoundListeners.Select(bound => bound.Name));
        using var plain = new TestClient(await ConnectAsync(endpoint.BoundListeners[0].Port));
        using var secure = new TestClient(await EncryptAsync(await ConnectAsync(endpoint.BoundListeners[1].Port)));
        byte[] large = RandomNumberGenerator.GetBytes(700_000);
        await plain.SendAsync(ApiKey.Produce, 0, 1);
        await secure.SendAsync(ApiKey.Produce, 1, large);
        Assert.Equal([1], (await plain.ReceiveAsync())!.Value.Body);
        Assert.Equal(large, (await secure.ReceiveAsync())!.Value.Body);
        Assert.Equal(["PLAIN", "SECURE"], names);
    }

    [Fact]
    public async Task Localhost_WithPort0_IsOnePortOnBothLoopbacks()
    {
        await using var endpoint = new KafkaEndpoint(
            new KafkaEndpointOptions { Listeners = [KafkaListenerOptions.Create("PLAINTEXT", "localhost", 0)] },
            new RequestHandlerTable([new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo)]));
        await endpoint.StartAsync();
        int port = Assert.Single(endpoint.BoundListeners).Port;
        Assert.NotEqual(0, port);
        foreach (IPAddress address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6 && !Socket.OSSupportsIPv6)
            {
                continue;
            }

            using var client = new TestClient(await ConnectAsync(port, address));
            await client.SendAsync(ApiKey.Produce, 3, 9);
            Assert.Equal([9], (await client.ReceiveAsync())!.Value.Body);
        }
    }

    [Fact]
    public async Task Port_InUse_FailsTheStart()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        await using var endpoint = new KafkaEndpoint(
            new KafkaEndpointOptions { Listeners = [KafkaListenerOptions.Create("PLAINTEXT", "127.0.0.1", port)] },
            new RequestHandlerTable([]));
        await Assert.ThrowsAnyAsync<IOException>(() => endpoint.StartAsync());
    }

    [Fact]
    public async Task Endpoints_InOneProcess_DoNotDisturbEachOther()
    {
        RequestHandlerTable table = new([new DelegateHandler(ApiKey.Produce, DelegateHandler.Echo)]);
        var options = new KafkaEndpointOptions
        {
            Listeners = [KafkaListenerOptions.Create("PLAINTEXT", "127.0.0.1", 0)],
        };
        KafkaEndpoint[] endpoints = [.. Enumerable.Range(0, 3).Select(_ => new KafkaEndpoint(options, table))];
        await Task.WhenAll(endpoints.Select(endpoint => endpoint.StartAsync()));
        await endpoints[0].StopAsync();
        foreach (KafkaEndpoint endpoint in endpoints[1..])
        {
            using var client = new TestClient(await ConnectAsync(endpoint.BoundListeners[0].Port));
            await client.SendAsync(ApiKey.Produce, 1, 5);
            Assert.Equal([5], (await client.ReceiveAsync())!.Value.Body);
            await endpoint.StopAsync();
        }
    }

    private static async Task<Stream> ConnectAsync(int port, IPAddress? address = null)
    {
        address ??= IPAddress.Loopback;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(address, port));
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<Stream> EncryptAsync(Stream plain)
    {
        var secure = new SslStream(plain);
        await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        });
        return secure;
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using X509Certificate2 made = request.CreateSelfSigned(
            DateTimeOffset.UnixEpoch, new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
