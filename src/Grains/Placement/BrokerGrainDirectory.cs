using System.Collections.Concurrent;
using Orleans.GrainDirectory;

namespace Orleans.Kafka.Grains.Placement;

/// <summary>
/// Knows the activations of this silo of the grains whose key names their broker. Nobody else needs to: placement finds
/// the silo from the key, and the silo finds the activation. Orleans' own directory would spread the entries over the
/// cluster, and end the activations of a broker that lives when the silo goes that has their entries: its logs would be
/// closed because another broker restarts.
/// </summary>
internal sealed class BrokerGrainDirectory : IGrainDirectory
{
    /// <summary>The name by which grain classes ask for it.</summary>
    public const string Name = "kafka-broker";

    private readonly ConcurrentDictionary<GrainId, GrainAddress> _here = new();

    public Task<GrainAddress?> Register(GrainAddress address) =>
        Task.FromResult<GrainAddress?>(_here.GetOrAdd(address.GrainId, address));

    public Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress)
    {
        if (previousAddress is not null)
        {
            _here.TryRemove(KeyValuePair.Create(previousAddress.GrainId, previousAddress));
        }

        return Register(address);
    }

    public Task Unregister(GrainAddress address)
    {
        _here.TryRemove(KeyValuePair.Create(address.GrainId, address));
        return Task.CompletedTask;
    }

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult(_here.GetValueOrDefault(grainId));

    /// <summary>Other silos have no entries here.</summary>
    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
