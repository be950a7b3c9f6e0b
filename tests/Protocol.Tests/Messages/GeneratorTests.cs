extern alias generator;

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using KafkaSchemaGenerator = generator::Orleans.Kafka.Protocol.Generator.KafkaSchemaGenerator;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>What the generator tells the compiler.</summary>
public sealed class GeneratorTests
{
    private const string Ping = """
        # Says hello.
        api Ping
        key 5
        versions 0-2
        flexible 2+
        listeners broker

        request
            Name: string? @1+

        response
            ErrorCode: error
        """;

    [Fact]
    public void Schema_WithoutFault_GivesMessagesAndCatalog()
    {
        var result = Run(("Ping.kafka", Ping), ("notes.txt", "not a schema"));
        Assert.Empty(result.Diagnostics);
        var names = result.GeneratedTrees.Select(tree => Path.GetFileName(tree.FilePath)).Order();
        Assert.Equal(["ApiCatalog.g.cs", "PingRequest.g.cs", "PingResponse.g.cs"], names);
    }

    [Fact]
    public void Schema_WithAFault_IsAnErrorAtItsFileAndLine()
    {
        var broken = Ping.Replace("ErrorCode: error", "ErrorCode: eror");
        var error = Assert.Single(Run(("folder/Ping.kafka", broken)).Diagnostics);
        Assert.Equal(("KSG001", DiagnosticSeverity.Error), (error.Id, error.Severity));
        Assert.Contains("eror", error.GetMessage());
        var place = error.Location.GetLineSpan();
        Assert.Equal(("folder/Ping.kafka", 11), (place.Path, place.StartLinePosition.Line));
    }

    [Fact]
    public void TwoSchemas_WithTheSameKey_AreAnError()
    {
        var other = Ping.Replace("api Ping", "api Pong");
        var error = Assert.Single(Run(("Ping.kafka", Ping), ("Pong.kafka", other)).Diagnostics);
        Assert.Contains("has the key of", error.GetMessage());
    }

    [Fact]
    public void Field_Changed_LeavesTheCatalogAlone()
    {
        var compilation = CSharpCompilation.Create("test");
        var before = new Schema("Ping.kafka", Ping);
        GeneratorDriver driver = CSharpGeneratorDriver.Create(
            [new KafkaSchemaGenerator().AsSourceGenerator()],
            [before],
            driverOptions: new GeneratorDriverOptions(default, trackIncrementalGeneratorSteps: true));
        driver = driver.RunGenerators(compilation);
        driver = driver.ReplaceAdditionalText(before, new Schema("Ping.kafka", Ping + "\n    Message: string"));
        var outputs = driver.RunGenerators(compilation).GetRunResult().Results[0].TrackedOutputSteps
            .SelectMany(step => step.Value)
            .SelectMany(step => step.Outputs)
            .Select(output => output.Reason)
            .Order();
        Assert.Equal([IncrementalStepRunReason.Modified, IncrementalStepRunReason.Cached], outputs);
    }

    private static GeneratorDriverRunResult Run(params (string Path, string Text)[] files)
    {
        var texts = files.Select(file => (AdditionalText)new Schema(file.Path, file.Text)).ToImmutableArray();
        GeneratorDriver driver = CSharpGeneratorDriver.Create(
            [new KafkaSchemaGenerator().AsSourceGenerator()], texts);
        return driver.RunGenerators(CSharpCompilation.Create("test")).GetRunResult();
    }

    private sealed class Schema(string path, string text) : AdditionalText
    {
        public override string Path => path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
