using Orleans.Runtime;

namespace Orleans;

/// <summary>Makes references to grains. A grain exists as soon as it is named; making a reference activates nothing.</summary>
public interface IGrainFactory
{
    /// <summary>Makes a reference to the grain with this key that implements the interface.</summary>
    /// <exception cref="ArgumentException">
    /// The key is empty, or there is not exactly one grain class for the interface (and prefix).
    /// </exception>
    TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithStringKey;

    /// <summary>Makes a reference to the grain with this id.</summary>
    TGrainInterface GetGrain<TGrainInterface>(GrainId grainId)
        where TGrainInterface : IAddressable;
}

/// <summary>Calls grains from outside of a silo.</summary>
public interface IClusterClient : IGrainFactory
{
    /// <summary>The services of the host that the client lives in.</summary>
    IServiceProvider ServiceProvider { get; }
}
