using System.Collections.Concurrent;
using System.ComponentModel;
using System.Runtime.CompilerServices;
using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>
/// All grain interfaces and classes of the process. Generated module initializers fill it, so nothing is scanned at
/// start; an assembly none of whose code has run yet is initialised when something is missing.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class GrainRegistry
{
    private static readonly ConcurrentDictionary<Type, GrainInterface> Interfaces = new();
    private static readonly ConcurrentDictionary<Type, GrainClass> Classes = new();
    private static readonly ConcurrentDictionary<(Type Interface, string? Prefix), GrainClass> Implementations = new();

    /// <summary>Called by generated code.</summary>
    public static void Add(GrainInterface grainInterface)
    {
        ArgumentNullException.ThrowIfNull(grainInterface);
        Interfaces[grainInterface.Type] = grainInterface;
    }

    /// <summary>Called by generated code.</summary>
    public static void Add(GrainClass grainClass)
    {
        ArgumentNullException.ThrowIfNull(grainClass);
        Classes[grainClass.Type] = grainClass;
        Implementations.Clear();
    }

    /// <summary>Called by generated code for a parameter marked as persistent state.</summary>
    public static IPersistentState<TState> PersistentState<TState>(
        IGrainContext context, string stateName, string? storageName)
    {
        var activation = (Activation)context;
        var state = new PersistentState<TState>(activation, stateName, storageName);
        activation.AddState(state);
        return state;
    }

    internal static GrainInterface GetInterface(Type type)
    {
        if (Interfaces.TryGetValue(type, out var known))
        {
            return known;
        }

        RuntimeHelpers.RunModuleConstructor(type.Module.ModuleHandle);
        return Interfaces.TryGetValue(type, out known) ? known : throw new ArgumentException(
            $"{type.FullName} is not a grain interface that code was generated for.", nameof(type));
    }

    internal static GrainClass GetClass(Type grainInterface, string? prefix)
    {
        if (Implementations.TryGetValue((grainInterface, prefix), out var known))
        {
            return known;
        }

        var found = FindClasses(grainInterface, prefix);
        if (found.Length == 0)
        {
            InitializeLoadedModules();
            found = FindClasses(grainInterface, prefix);
        }

        return found.Length switch
        {
            1 => Implementations.GetOrAdd((grainInterface, prefix), found[0]),
            0 => throw new ArgumentException($"Could not find an implementation for interface {grainInterface.FullName}."),
            _ => throw new ArgumentException(
                $"More than one grain class implements {grainInterface.FullName}: "
                + string.Join(", ", found.Select(c => c.Type.FullName))),
        };
    }

    internal static GrainClass GetClass(GrainType grainType) =>
        Classes.Values.FirstOrDefault(c => c.GrainType == grainType)
            ?? throw new ArgumentException($"There is no grain class for grain type {grainType}.", nameof(grainType));

    private static GrainClass[] FindClasses(Type grainInterface, string? prefix) =>
        [.. Classes.Values.Where(c => c.Interfaces.Contains(grainInterface)
            && (prefix is null || c.Type.FullName!.StartsWith(prefix, StringComparison.Ordinal)))];

    private static void InitializeLoadedModules()
    {
        foreach (var assembly in AppDomain.CurrentDomain.GetAssemblies())
        {
            if (!assembly.IsDynamic)
            {
                RuntimeHelpers.RunModuleConstructor(assembly.ManifestModule.ModuleHandle);
            }
        }
    }
}
