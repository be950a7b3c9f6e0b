using System.Text.Json;
using Orleans.Kafka.Wire.Tests.Recording;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>What of the recording is left out, from <c>Data/skipped.json</c>.</summary>
internal sealed class ReplayPlan
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNameCaseInsensitive = true };

    public required IReadOnlyList<SkippedScenario> Scenarios { get; init; }

    public required IReadOnlyList<SkippedApi> Apis { get; init; }

    public static ReplayPlan Load()
    {
        using var stream = typeof(ReplayPlan).Assembly.GetManifestResourceStream("skipped.json")!;
        return JsonSerializer.Deserialize<ReplayPlan>(stream, Options)!;
    }

    /// <summary>Why an exchange is left out; null when it is replayed.</summary>
    public string? Reason(WireExchange exchange) =>
        Scenarios.FirstOrDefault(scenario => scenario.Scenario == exchange.Scenario)?.Reason
        ?? Apis.FirstOrDefault(api => api.Api == exchange.Api)?.Reason;
}

/// <summary>A scenario that cannot be replayed before the broker serves an API.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Needs">The API that it lacks; once that is served the scenario must be replayed.</param>
/// <param name="Reason">Why.</param>
internal sealed record SkippedScenario(string Scenario, string Needs, string Reason);

/// <summary>An API that the broker does not serve.</summary>
/// <param name="Api">Its name.</param>
/// <param name="Reason">Why.</param>
internal sealed record SkippedApi(string Api, string Reason);
