using Orleans.Runtime;

namespace Orleans.GrainDirectory;

/// <summary>Names the directory that knows where the activation of a grain of this class is.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
public sealed class GrainDirectoryAttribute : Attribute
{
    /// <summary>Gives the name under which the directory is registered.</summary>
    public GrainDirectoryAttribute(string grainDirectoryName)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(grainDirectoryName);
        GrainDirectoryName = grainDirectoryName;
    }

    /// <summary>The name.</summary>
    public string GrainDirectoryName { get; }
}

/// <summary>Knows where activations are. Called by several threads at once.</summary>
public interface IGrainDirectory
{
    /// <summary>Enters an activation unless another one of its grain is entered; answers with the one that is.</summary>
    Task<GrainAddress?> Register(GrainAddress address);

    /// <summary>The same, in place of <paramref name="previousAddress"/> if that is the one that is entered.</summary>
    async Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress)
    {
        if (previousAddress is not null)
        {
            await Unregister(previousAddress).ConfigureAwait(false);
        }

        return await Register(address).ConfigureAwait(false);
    }

    /// <summary>Takes an activation out, if it is entered.</summary>
    Task Unregister(GrainAddress address);

    /// <summary>The activation that is entered for a grain, or null.</summary>
    Task<GrainAddress?> Lookup(GrainId grainId);

    /// <summary>Takes out what is entered for silos that are dead. May do nothing.</summary>
    Task UnregisterSilos(List<SiloAddress> siloAddresses);
}
