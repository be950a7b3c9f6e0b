using Orleans.Runtime;

namespace Orleans;

/// <summary>What can be asked of a grain or a reference to one.</summary>
public static class GrainExtensions
{
    /// <summary>The grain's key.</summary>
    public static string GetPrimaryKeyString(this IAddressable grain) => grain switch
    {
        GrainReference reference => reference.Key,
        IGrainBase @base => @base.GrainContext.GrainId.Key.ToString(),
        _ => throw NotAGrain(grain),
    };

    /// <summary>The grain's id.</summary>
    public static GrainId GetGrainId(this IAddressable grain) => grain switch
    {
        GrainReference reference => reference.GrainId,
        IGrainBase @base => @base.GrainContext.GrainId,
        _ => throw NotAGrain(grain),
    };

    /// <summary>A reference to the same grain, by another of its interfaces.</summary>
    public static TGrainInterface AsReference<TGrainInterface>(this IAddressable grain)
    {
        var reference = grain switch
        {
            GrainReference given => given,
            IGrainBase @base => @base.GrainContext.GrainReference,
            _ => throw NotAGrain(grain),
        };
        return reference is TGrainInterface same
            ? same
            : (TGrainInterface)(object)InProcess.GrainRegistry.GetInterface(typeof(TGrainInterface))
                .Create(new InProcess.GrainReferenceSeed(reference.Source, reference.Class, reference.Key));
    }

    private static ArgumentException NotAGrain(IAddressable grain) =>
        new($"{grain?.GetType().FullName ?? "null"} is neither a grain nor a reference to one.", nameof(grain));
}
