using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Orleans.InProcess.Generator;

/// <summary>Writes the reference class of a grain interface.</summary>
internal static class InterfaceWriter
{
    private const string Runtime = "global::Orleans.InProcess.";
    private const string Tasks = "System.Threading.Tasks";

    public static Piece Write(INamedTypeSymbol symbol)
    {
        var name = GrainTypes.Identifier(symbol);
        var shown = symbol.ToDisplayString();
        if (symbol.IsGenericType || !GrainTypes.IsReachable(symbol))
        {
            return Piece.Error(name, $"{shown}: a grain interface is neither generic nor private.");
        }

        var text = new StringBuilder(Piece.Header);
        text.Append("namespace Orleans.InProcess.Generated\n{\n");
        text.Append($"    internal sealed class {name}_Reference : global::Orleans.Runtime.GrainReference, {GrainTypes.BareName(symbol)}\n    {{\n");
        text.Append($"        public {name}_Reference({Runtime}GrainReferenceSeed seed) : base(seed) {{ }}\n");

        var number = 0;
        foreach (var member in MembersOf(symbol))
        {
            if (member is IMethodSymbol { MethodKind: MethodKind.Ordinary } method)
            {
                if (ProblemOf(method) is { } problem)
                {
                    return Piece.Error(name, $"{shown}.{method.Name}: {problem}");
                }

                WriteMethod(text, method, number++);
            }
            else if (member is IPropertySymbol or IEventSymbol)
            {
                return Piece.Error(name, $"{shown}.{member.Name}: a grain interface has only methods.");
            }
        }

        text.Append("    }\n}\n");
        return new Piece(name, text.ToString(), $"new {Runtime}GrainInterface(typeof({GrainTypes.BareName(symbol)}), "
            + $"static seed => new {name}_Reference(seed))");
    }

    private static IEnumerable<ISymbol> MembersOf(INamedTypeSymbol symbol) =>
        new[] { symbol }.Concat(symbol.AllInterfaces)
            .SelectMany(type => type.GetMembers())
            .Where(member => member is { IsStatic: false, IsAbstract: true });

    private static string? ProblemOf(IMethodSymbol method)
    {
        if (method.IsGenericMethod)
        {
            return "a grain method is not generic.";
        }

        if (method.Parameters.Any(parameter => parameter.RefKind != RefKind.None))
        {
            return "a grain method passes its parameters by value.";
        }

        if (method.Parameters.Count(IsCancellation) > 1)
        {
            return "a grain method has at most one cancellation token.";
        }

        if (method.ReturnType is not INamedTypeSymbol result || !IsTask(result))
        {
            return "a grain method returns Task, Task<T>, ValueTask or ValueTask<T>.";
        }

        return OptionsOf(method).Contains("OneWay") && result.IsGenericType
            ? "a one-way method returns no value."
            : null;
    }

    private static void WriteMethod(StringBuilder text, IMethodSymbol method, int number)
    {
        var result = (INamedTypeSymbol)method.ReturnType;
        var isValueTask = result.Name == "ValueTask";
        var isOneWay = OptionsOf(method).Contains("OneWay");
        var value = result.IsGenericType ? GrainTypes.Name(result.TypeArguments[0]) : null;
        var owner = GrainTypes.BareName(method.ContainingType);
        var called = "@" + method.Name;
        var call = $"Call{number}_{method.Name}";
        var parameters = string.Join(", ", method.Parameters.Select((p, i) => $"{GrainTypes.Name(p.Type)} a{i}"));
        var settings = method.Parameters.Select((p, i) => IsCancellation(p) ? $"Cancellation = a{i}" : $"A{i} = a{i}");

        text.Append($"\n        {GrainTypes.Name(result)} {owner}.{called}({parameters})\n        {{\n");
        text.Append($"            var call = new {call} {{ {string.Join(", ", settings)} }};\n");
        text.Append("            Send(call);\n");
        text.Append((isOneWay, isValueTask) switch
        {
            (true, true) => "            return default;\n",
            (true, false) => "            return global::System.Threading.Tasks.Task.CompletedTask;\n",
            (false, true) => $"            return new {GrainTypes.BareName(result)}(call.Answer);\n",
            (false, false) => "            return call.Answer;\n",
        });
        text.Append("        }\n");

        var baseClass = value is null ? "VoidGrainCall" : $"GrainCall<{value}>";
        var running = value is null ? "global::System.Threading.Tasks.ValueTask" : $"global::System.Threading.Tasks.ValueTask<{value}>";
        var arguments = string.Join(", ", method.Parameters.Select((p, i) => IsCancellation(p) ? "Cancellation" : $"A{i}"));
        var invocation = $"(({owner})grain).{called}({arguments})";

        text.Append($"\n        private sealed class {call} : {Runtime}{baseClass}\n        {{\n");
        for (var i = 0; i < method.Parameters.Length; i++)
        {
            if (!IsCancellation(method.Parameters[i]))
            {
                text.Append($"            public {GrainTypes.Name(method.Parameters[i].Type)} A{i};\n");
            }
        }

        text.Append($"            public override string Method => {Literal(method.ContainingType.Name + "." + method.Name)};\n");
        WriteOptions(text, method);
        text.Append($"            protected override {running} Invoke(object grain) => ");
        text.Append(isValueTask ? $"{invocation};\n" : $"new {running}({invocation});\n");
        text.Append("        }\n");
    }

    private static void WriteOptions(StringBuilder text, IMethodSymbol method)
    {
        var options = OptionsOf(method).ToArray();
        if (options.Length > 0)
        {
            var value = string.Join(" | ", options.Select(option => $"{Runtime}GrainCallOptions.{option}"));
            text.Append($"            public override {Runtime}GrainCallOptions Options => {value};\n");
        }

        if (GrainTypes.Attribute(method, "Orleans", "ResponseTimeoutAttribute") is { ConstructorArguments: { Length: 1 } given }
            && TimeSpan.TryParse((string?)given[0].Value, CultureInfo.InvariantCulture, out var timeout))
        {
            text.Append("            public override global::System.TimeSpan? ResponseTimeout => ");
            text.Append($"new global::System.TimeSpan({timeout.Ticks.ToString(CultureInfo.InvariantCulture)}L);\n");
        }
    }

    private static IEnumerable<string> OptionsOf(IMethodSymbol method) =>
        new[] { "ReadOnly", "AlwaysInterleave", "OneWay" }
            .Where(option => GrainTypes.Attribute(method, "Orleans.Concurrency", option + "Attribute") is not null);

    private static bool IsCancellation(IParameterSymbol parameter) =>
        parameter.Type is INamedTypeSymbol type && GrainTypes.IsNamed(type, "System.Threading", "CancellationToken");

    private static bool IsTask(INamedTypeSymbol type) =>
        GrainTypes.IsNamed(type, Tasks, "Task") || GrainTypes.IsNamed(type, Tasks, "ValueTask");

    private static string Literal(string value) => SymbolDisplay.FormatLiteral(value, quote: true);
}
