using System.Net;
using System.Net.Security;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>One listener: a name clients are told addresses by, and the address it binds.</summary>
public sealed record KafkaListenerOptions
{
    /// <summary>Listener name, for example <c>PLAINTEXT</c> (Kafka: <c>listeners</c>).</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Address and port to bind; port 0 takes a free one, reported by <see cref="KafkaEndpoint.BoundListeners"/>.
    /// </summary>
    public required EndPoint EndPoint { get; init; }

    /// <summary>Not null: the listener speaks TLS.</summary>
    public SslServerAuthenticationOptions? Tls { get; init; }

    /// <summary>
    /// A listener for a host as it stands in <c>listeners</c>: empty means every address, <c>localhost</c> the IPv4
    /// loopback (and the IPv6 one where there is one), an address itself, any other name what it resolves to first.
    /// </summary>
    public static KafkaListenerOptions Create(string name, string? host, int port)
    {
        ArgumentNullException.ThrowIfNull(name);
        EndPoint endPoint = host switch
        {
            null or "" or "0.0.0.0" => new IPEndPoint(IPAddress.Any, port),
            "localhost" => new DnsEndPoint("localhost", port),
            _ when IPAddress.TryParse(host, out IPAddress? address) => new IPEndPoint(address, port),
            _ => new IPEndPoint(Dns.GetHostAddresses(host)[0], port),
        };
        return new KafkaListenerOptions { Name = name, EndPoint = endPoint };
    }
}

/// <summary>Where a listener is reachable after <see cref="KafkaEndpoint.StartAsync"/>.</summary>
/// <param name="Name">The name of the listener.</param>
/// <param name="EndPoint">Address and true port.</param>
public sealed record BoundListener(string Name, EndPoint EndPoint)
{
    /// <summary>The bound port; 0 for endpoints that have none.</summary>
    public int Port => (EndPoint as IPEndPoint)?.Port ?? 0;
}
