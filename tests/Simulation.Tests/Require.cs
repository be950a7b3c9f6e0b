namespace Orleans.Kafka.Simulation.Tests;

/// <summary>What must hold, said in one line: a history has thousands of these.</summary>
internal static class Require
{
    public static void That(bool holds, string claim)
    {
        if (!holds)
        {
            throw new BrokenPromiseException(claim);
        }
    }

    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new BrokenPromiseException($"{what}: expected {expected}, found {actual}");
        }
    }
}

/// <summary>The log did what it must not do.</summary>
internal sealed class BrokenPromiseException(string claim) : Exception(claim);
