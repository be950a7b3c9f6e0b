namespace Orleans;

/// <summary>The grain stays active while its silo lives, however idle.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
public class KeepAliveAttribute : Attribute;

/// <summary>The name of the grain type, instead of the class name in lower case without its "Grain".</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
public sealed class GrainTypeAttribute : Attribute
{
    /// <summary>Gives the name.</summary>
    public GrainTypeAttribute(string grainType) => GrainType = grainType;

    /// <summary>The name.</summary>
    public string GrainType { get; }
}
