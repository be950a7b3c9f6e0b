using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>Makes references whose calls start at one source.</summary>
internal sealed class GrainFactory(CallSource source, IServiceProvider services) : IClusterClient
{
    public IServiceProvider ServiceProvider { get; } = services;

    public TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithStringKey
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(primaryKey);
        var grainClass = grainClassNamePrefix is null
            ? Known<TGrainInterface>.Class ??= GrainRegistry.GetClass(typeof(TGrainInterface), null)
            : GrainRegistry.GetClass(typeof(TGrainInterface), grainClassNamePrefix);
        return Make<TGrainInterface>(grainClass, primaryKey);
    }

    public TGrainInterface GetGrain<TGrainInterface>(GrainId grainId)
        where TGrainInterface : IAddressable =>
        Make<TGrainInterface>(GrainRegistry.GetClass(grainId.Type), grainId.Key.ToString());

    private TGrainInterface Make<TGrainInterface>(GrainClass grainClass, string key)
    {
        var grainInterface = Known<TGrainInterface>.Interface ??= GrainRegistry.GetInterface(typeof(TGrainInterface));
        return (TGrainInterface)(object)grainInterface.Create(new GrainReferenceSeed(source, grainClass, key));
    }

    // A static per interface is the cheapest dictionary there is.
    private static class Known<TGrainInterface>
    {
        public static GrainInterface? Interface { get; set; }

        public static GrainClass? Class { get; set; }
    }
}
