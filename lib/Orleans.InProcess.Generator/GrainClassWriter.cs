using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Orleans.InProcess.Generator;

/// <summary>Writes how a grain class is registered and constructed.</summary>
internal static class GrainClassWriter
{
    private const string Runtime = "global::Orleans.InProcess.";
    private const string Services = "global::Microsoft.Extensions.DependencyInjection.ServiceProvider";

    public static Piece Write(INamedTypeSymbol symbol)
    {
        var name = GrainTypes.Identifier(symbol) + "_Class";
        if (symbol.IsGenericType || !GrainTypes.IsReachable(symbol))
        {
            return Piece.Error(name, $"{symbol.ToDisplayString()}: a grain class is neither generic nor private.");
        }

        var constructor = symbol.InstanceConstructors
            .Where(c => c.DeclaredAccessibility is Accessibility.Public or Accessibility.Internal)
            .OrderByDescending(c => c.GetAttributes().Any(a => a.AttributeClass?.Name == "ActivatorUtilitiesConstructorAttribute"))
            .ThenByDescending(c => c.Parameters.Length)
            .FirstOrDefault();
        if (constructor is null)
        {
            return Piece.Error(name, $"{symbol.ToDisplayString()}: a grain class has a public or internal constructor.");
        }

        var type = GrainTypes.BareName(symbol);
        var interfaces = string.Join(", ", GrainTypes.GrainInterfacesOf(symbol).Select(i => $"typeof({GrainTypes.BareName(i)})"));
        var reentrant = IsReentrant(symbol) ? "true" : "false";
        var arguments = string.Join(", ", constructor.Parameters.Select(Argument));
        return new Piece(name, "", $"new {Runtime}GrainClass(typeof({type}), {Literal(GrainTypes.GrainTypeOf(symbol))}, "
            + $"{reentrant}, new global::System.Type[] {{ {interfaces} }}, static context => new {type}({arguments}))");
    }

    private static bool IsReentrant(INamedTypeSymbol symbol)
    {
        for (var type = symbol; type is not null; type = type.BaseType)
        {
            if (GrainTypes.Attribute(type, "Orleans.Concurrency", "ReentrantAttribute") is not null)
            {
                return true;
            }
        }

        return false;
    }

    private static string Argument(IParameterSymbol parameter)
    {
        var type = GrainTypes.BareName(parameter.Type);
        if (GrainTypes.Attribute(parameter, "Orleans.Runtime", "PersistentStateAttribute") is { } state
            && parameter.Type is INamedTypeSymbol { TypeArguments: { Length: 1 } stateTypes })
        {
            var given = state.ConstructorArguments;
            var stateName = given.Length > 0 ? (string?)given[0].Value : null;
            var storage = given.Length > 1 ? (string?)given[1].Value : null;
            return $"{Runtime}GrainRegistry.PersistentState<{GrainTypes.BareName(stateTypes[0])}>(context, "
                + $"{Literal(string.IsNullOrEmpty(stateName) ? parameter.Name : stateName!)}, {(storage is null ? "null" : Literal(storage))})";
        }

        if (type == "global::Orleans.Runtime.IGrainContext")
        {
            return "context";
        }

        if (type == "global::System.IServiceProvider")
        {
            return "context.ActivationServices";
        }

        if (GrainTypes.Attribute(parameter, "Microsoft.Extensions.DependencyInjection", "FromKeyedServicesAttribute")
            is { ConstructorArguments: { Length: 1 } keys })
        {
            return $"{Services}KeyedServiceExtensions.GetRequiredKeyedService<{type}>(context.ActivationServices, "
                + keys[0].ToCSharpString() + ")";
        }

        if (!parameter.HasExplicitDefaultValue)
        {
            return $"{Services}ServiceExtensions.GetRequiredService<{type}>(context.ActivationServices)";
        }

        return parameter.Type.IsReferenceType && parameter.ExplicitDefaultValue is null
            ? $"{Services}ServiceExtensions.GetService<{type}>(context.ActivationServices)"
            : $"default({type})";
    }

    private static string Literal(string value) => SymbolDisplay.FormatLiteral(value, quote: true);
}
