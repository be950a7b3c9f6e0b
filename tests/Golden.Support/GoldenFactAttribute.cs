namespace Orleans.Kafka.Golden;

/// <summary>A fact about golden data; skipped, and counted as skipped, where the data is not at hand.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GoldenFactAttribute : FactAttribute
{
    /// <summary>Skips the test where the data is not at hand.</summary>
    public GoldenFactAttribute()
    {
        Skip = GoldenSkip.Reason!;
    }
}

/// <summary>A theory about golden data; skipped, and counted as skipped, where the data is not at hand.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GoldenTheoryAttribute : TheoryAttribute
{
    /// <summary>Skips the test where the data is not at hand.</summary>
    public GoldenTheoryAttribute()
    {
        Skip = GoldenSkip.Reason!;
    }
}

internal static class GoldenSkip
{
    public static string? Reason { get; } = GoldenData.Root is null
        ? $"golden data not found: set {GoldenData.Variable} or put it at ../shared/golden"
        : null;
}
