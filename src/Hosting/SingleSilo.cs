using System.Net;
using System.Net.Sockets;

namespace Orleans.Kafka;

/// <summary>A cluster of one silo on this machine.</summary>
internal static class SingleSilo
{
    /// <summary>
    /// Sets up clustering. Two brokers in one process or on one machine are two clusters: each gets ports and a name of
    /// its own, so that they never join.
    /// </summary>
    public static void Configure(ISiloBuilder silo)
    {
        (int siloPort, int gatewayPort) = FreePorts();
        string cluster = $"orleans-kafka-{Environment.ProcessId}-{siloPort}";
        silo.UseLocalhostClustering(siloPort, gatewayPort, primarySiloEndpoint: null, serviceId: cluster, clusterId: cluster);
    }

    private static (int First, int Second) FreePorts()
    {
        using var first = new TcpListener(IPAddress.Loopback, 0);
        using var second = new TcpListener(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }
}
