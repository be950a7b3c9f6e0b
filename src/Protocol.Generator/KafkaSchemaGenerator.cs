using System.Collections.Immutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Orleans.Kafka.Protocol.Generator.Emit;
using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Protocol.Generator;

/// <summary>
/// Turns every <c>*.kafka</c> file among the additional files into message classes with their codecs, and all of them
/// into the API catalog. A fault in a schema is an error of the build at its file and line.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class KafkaSchemaGenerator : IIncrementalGenerator
{
    private static readonly DiagnosticDescriptor Malformed = new(
        "KSG001", "Malformed Kafka schema", "{0}", "KafkaSchema", DiagnosticSeverity.Error, isEnabledByDefault: true);

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var files = context.AdditionalTextsProvider
            .Where(file => file.Path.EndsWith(".kafka", StringComparison.Ordinal))
            .Select((file, stop) => (file.Path, Text: file.GetText(stop)?.ToString() ?? ""));
        context.RegisterSourceOutput(files, EmitFile);

        var apis = files.Select((file, _) => ToEntry(file.Path, file.Text)).Where(entry => entry is not null).Collect();
        context.RegisterSourceOutput(apis, EmitCatalog);
    }

    private static ApiEntry? ToEntry(string path, string text)
    {
        var file = SchemaParser.Parse(text);
        return file.Api is { } api && file.Errors.Count == 0 ? new ApiEntry(api, path) : null;
    }

    private static void EmitFile(SourceProductionContext context, (string Path, string Text) source)
    {
        var file = SchemaParser.Parse(source.Text);
        foreach (var error in file.Errors)
        {
            context.ReportDiagnostic(Diagnostic.Create(Malformed, At(source.Path, error.Line), error.Message));
        }

        if (file.Errors.Count > 0)
        {
            return;
        }

        foreach (var message in file.Messages)
        {
            context.AddSource($"{message.Name}.g.cs", SourceText.From(MessageEmitter.Emit(message), Encoding.UTF8));
        }
    }

    private static void EmitCatalog(SourceProductionContext context, ImmutableArray<ApiEntry?> entries)
    {
        var byKey = new SortedDictionary<int, ApiEntry>();
        foreach (var entry in entries)
        {
            if (byKey.TryGetValue(entry!.Key, out var other))
            {
                context.ReportDiagnostic(Diagnostic.Create(
                    Malformed, At(entry.Path, entry.Line), $"api {entry.Name} has the key of {other.Name}"));
                continue;
            }

            byKey.Add(entry.Key, entry);
        }

        var sorted = new List<ApiEntry>(byKey.Values);
        context.AddSource("ApiCatalog.g.cs", SourceText.From(CatalogEmitter.Emit(sorted), Encoding.UTF8));
    }

    private static Location At(string path, int line)
    {
        var position = new LinePosition(Math.Max(0, line), 0);
        return Location.Create(path, default, new LinePositionSpan(position, position));
    }
}
