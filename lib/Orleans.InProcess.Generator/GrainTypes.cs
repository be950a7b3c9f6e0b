using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Orleans.InProcess.Generator;

/// <summary>Tells what is a grain interface, what is a grain class, and how they are written in source.</summary>
internal static class GrainTypes
{
    private const string GrainSuffix = "grain";

    private static readonly SymbolDisplayFormat FullName = SymbolDisplayFormat.FullyQualifiedFormat
        .AddMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    public static bool IsGrainInterface(INamedTypeSymbol symbol) =>
        symbol.TypeKind == TypeKind.Interface && symbol.AllInterfaces.Any(IsKeyInterface);

    public static bool IsGrainClass(INamedTypeSymbol symbol) =>
        symbol is { TypeKind: TypeKind.Class, IsAbstract: false }
        && symbol.AllInterfaces.Any(i => IsNamed(i, "Orleans", "IGrainBase"))
        && GrainInterfacesOf(symbol).Any();

    /// <summary>The grain interfaces of a class, those it names itself first.</summary>
    public static IEnumerable<INamedTypeSymbol> GrainInterfacesOf(INamedTypeSymbol symbol) =>
        symbol.Interfaces.Concat(symbol.AllInterfaces)
            .Where(IsGrainInterface)
            .Distinct<INamedTypeSymbol>(SymbolEqualityComparer.Default);

    public static bool IsKeyInterface(INamedTypeSymbol symbol) => IsNamed(symbol, "Orleans", "IGrainWithStringKey");

    /// <summary>Whether generated code, which is a type of its own in the same assembly, can name the type.</summary>
    public static bool IsReachable(INamedTypeSymbol symbol)
    {
        for (var type = symbol; type is not null; type = type.ContainingType)
        {
            if (type.DeclaredAccessibility is Accessibility.Private or Accessibility.Protected
                || type.IsFileLocal)
            {
                return false;
            }
        }

        return true;
    }

    public static string Name(ITypeSymbol symbol) => symbol.ToDisplayString(FullName);

    /// <summary>The type without nullable marks, for typeof and constructors.</summary>
    public static string BareName(ITypeSymbol symbol) => symbol.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    public static string Identifier(INamedTypeSymbol symbol) =>
        symbol.ToDisplayString(SymbolDisplayFormat.CSharpErrorMessageFormat).Replace('.', '_').Replace('<', '_').Replace('>', '_');

    public static AttributeData? Attribute(ISymbol symbol, string space, string name) =>
        symbol.GetAttributes().FirstOrDefault(a => a.AttributeClass is { } type && IsNamed(type, space, name));

    public static bool IsNamed(INamedTypeSymbol symbol, string space, string name) =>
        symbol.Name == name && symbol.ContainingNamespace?.ToDisplayString() == space;

    /// <summary>Orleans' own convention: the class name in lower case without its "Grain".</summary>
    public static string GrainTypeOf(INamedTypeSymbol symbol)
    {
        if (Attribute(symbol, "Orleans", "GrainTypeAttribute") is { ConstructorArguments: { Length: 1 } given })
        {
            return (string?)given[0].Value ?? "";
        }

        var name = symbol.Name.ToLowerInvariant();
        return name.EndsWith(GrainSuffix, System.StringComparison.Ordinal) && name.Length > GrainSuffix.Length
            ? name.Substring(0, name.Length - GrainSuffix.Length)
            : name;
    }
}
