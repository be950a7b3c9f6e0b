using System.Net;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka;

/// <summary>
/// The addresses that clients are told: those of <c>advertised.listeners</c>, else those of <c>listeners</c>. A port
/// of 0 becomes the port that was bound, and a listener on all addresses is told by this machine's name.
/// </summary>
internal sealed class AdvertisedAddresses(BrokerSettings settings)
{
    /// <summary>The addresses, once the listeners are bound.</summary>
    public AdvertisedListener[] Current { get; private set; } = [];

    public AdvertisedListener[] Resolve(IReadOnlyList<BoundListener> bound)
    {
        Current = [.. settings.Listeners.Select(listener => Resolve(listener, bound))];
        return Current;
    }

    private AdvertisedListener Resolve(ListenerAddress listener, IReadOnlyList<BoundListener> bound)
    {
        ListenerAddress told = settings.AdvertisedListeners.FirstOrDefault(each => each.Name == listener.Name) ?? listener;
        int port = told.Port != 0 ? told.Port : bound.First(each => each.Name == listener.Name).Port;
        return new AdvertisedListener
        {
            Listener = listener.Name,
            Host = told.Host is "" or "0.0.0.0" or "[::]" ? Dns.GetHostName() : told.Host,
            Port = port,
        };
    }
}
