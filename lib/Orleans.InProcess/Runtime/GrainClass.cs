using System.ComponentModel;
using System.Reflection;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>What the runtime knows about a grain class. Made by generated code.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class GrainClass
{
    private readonly Lazy<PlacementStrategy?> _placement;
    private readonly Lazy<string?> _directory;

    /// <summary>Describes the class; <paramref name="create"/> constructs a grain object for an activation.</summary>
    public GrainClass(Type type, string grainType, bool isReentrant, Type[] interfaces, Func<IGrainContext, object> create)
    {
        Type = type;
        GrainType = GrainType.Create(grainType);
        IsReentrant = isReentrant;
        Interfaces = interfaces;
        Create = create;
        _placement = new Lazy<PlacementStrategy?>(
            () => type.GetCustomAttribute<PlacementAttribute>(inherit: true)?.PlacementStrategy);
        _directory = new Lazy<string?>(
            () => type.GetCustomAttribute<GrainDirectoryAttribute>(inherit: true)?.GrainDirectoryName);
    }

    internal Type Type { get; }

    internal GrainType GrainType { get; }

    internal bool IsReentrant { get; }

    internal Type[] Interfaces { get; }

    internal Func<IGrainContext, object> Create { get; }

    // Null for the default placement.
    internal PlacementStrategy? Placement => _placement.Value;

    // Null for the default directory.
    internal string? Directory => _directory.Value;

    internal bool IsInDefaultDirectory => Directory is null && Placement is null or { IsUsingGrainDirectory: true };
}

/// <summary>What the runtime knows about a grain interface. Made by generated code.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class GrainInterface
{
    /// <summary>Describes the interface; <paramref name="create"/> makes a reference.</summary>
    public GrainInterface(Type type, Func<GrainReferenceSeed, GrainReference> create)
    {
        Type = type;
        InterfaceType = GrainInterfaceType.Create(type.FullName!);
        Create = create;
    }

    internal Type Type { get; }

    internal GrainInterfaceType InterfaceType { get; }

    internal Func<GrainReferenceSeed, GrainReference> Create { get; }
}

/// <summary>What a new reference is made from.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct GrainReferenceSeed
{
    internal GrainReferenceSeed(CallSource source, GrainClass grainClass, string key)
    {
        Source = source;
        Class = grainClass;
        Key = key;
    }

    internal CallSource Source { get; }

    internal GrainClass Class { get; }

    internal string Key { get; }
}
