using System.Collections.Concurrent;
using Orleans.GrainDirectory;

namespace Orleans.Kafka.Runtime.Tests.Grains;

public interface ISettledGrain : IGrainWithStringKey
{
    Task<string> Silo();

    Task End();
}

/// <summary>Lives on the silo that its key names, which alone keeps its directory entry.</summary>
[BySiloName, GrainDirectory(LocalDirectory.Name)]
public sealed class SettledGrain(ILocalSiloDetails silo) : Grain, ISettledGrain
{
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Probe.Of(this.GetPrimaryKeyString()).Note("deactivated " + reason.ReasonCode);
        return Task.CompletedTask;
    }

    public Task<string> Silo() => Task.FromResult(silo.Name);

    public Task End()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }
}

/// <summary>A directory of the activations on one silo.</summary>
public sealed class LocalDirectory : IGrainDirectory
{
    public const string Name = "local";

    private readonly ConcurrentDictionary<GrainId, GrainAddress> _entries = new();

    public ICollection<GrainAddress> Entries => _entries.Values;

    public Task<GrainAddress?> Register(GrainAddress address) =>
        Task.FromResult<GrainAddress?>(_entries.GetOrAdd(address.GrainId, address));

    public Task Unregister(GrainAddress address)
    {
        _entries.TryRemove(KeyValuePair.Create(address.GrainId, address));
        return Task.CompletedTask;
    }

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult(_entries.GetValueOrDefault(grainId));

    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
