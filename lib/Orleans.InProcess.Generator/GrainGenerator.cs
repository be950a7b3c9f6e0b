using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Orleans.InProcess.Generator;

/// <summary>
/// Writes, at build time, what lets the in-process runtime call grains without reflection: a reference class and a
/// class per method for every grain interface, a constructor call for every grain class, and the module initializer
/// that registers them. What a real silo could not run is a build error.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class GrainGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var interfaces = context.SyntaxProvider.CreateSyntaxProvider(
            static (node, _) => node is InterfaceDeclarationSyntax { BaseList: not null },
            static (syntax, cancellation) =>
                syntax.SemanticModel.GetDeclaredSymbol(syntax.Node, cancellation) is INamedTypeSymbol symbol
                && GrainTypes.IsGrainInterface(symbol)
                    ? InterfaceWriter.Write(symbol)
                    : null)
            .Where(static piece => piece is not null);

        var classes = context.SyntaxProvider.CreateSyntaxProvider(
            static (node, _) => node is ClassDeclarationSyntax,
            static (syntax, cancellation) =>
                syntax.SemanticModel.GetDeclaredSymbol(syntax.Node, cancellation) is INamedTypeSymbol symbol
                && GrainTypes.IsGrainClass(symbol)
                    ? GrainClassWriter.Write(symbol)
                    : null)
            .Where(static piece => piece is not null);

        context.RegisterSourceOutput(
            interfaces.Collect().Combine(classes.Collect()),
            static (output, pieces) => Emit(output, pieces.Left.AddRange(pieces.Right)));
    }

    private static void Emit(SourceProductionContext output, ImmutableArray<Piece?> pieces)
    {
        // The parts of a partial type each give the same piece.
        var distinct = pieces.OfType<Piece>().Distinct().OrderBy(piece => piece.Name, System.StringComparer.Ordinal).ToArray();
        if (distinct.Length == 0)
        {
            return;
        }

        foreach (var piece in distinct.Where(piece => piece.Source.Length > 0))
        {
            output.AddSource(piece.Name + ".g.cs", SourceText.From(piece.Source, Encoding.UTF8));
        }

        var text = new StringBuilder();
        text.Append(Piece.Header);
        text.Append("namespace Orleans.InProcess.Generated\n{\n    internal static class GrainModule\n    {\n");
        text.Append("        [global::System.Runtime.CompilerServices.ModuleInitializer]\n");
        text.Append("        internal static void Register()\n        {\n");
        foreach (var piece in distinct.Where(piece => piece.Registration.Length > 0))
        {
            text.Append("            global::Orleans.InProcess.GrainRegistry.Add(").Append(piece.Registration).Append(");\n");
        }

        text.Append("        }\n    }\n}\n");
        output.AddSource("GrainModule.g.cs", SourceText.From(text.ToString(), Encoding.UTF8));
    }
}
