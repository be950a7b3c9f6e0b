using System.Collections.Concurrent;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Simulation.Tests;

/// <summary>Runs histories, on all cores.</summary>
internal static class Simulation
{
    /// <returns>What went wrong, by seed; no more than asked for.</returns>
    public static List<Failure> Run(int first, int count, int stopAt, Func<IFileSystem, IFileSystem>? flaw = null)
    {
        var failures = new ConcurrentBag<Failure>();
        Parallel.For(first, first + count, (seed, loop) =>
        {
            if (Play(seed, flaw) is { } failure)
            {
                failures.Add(failure);
                if (failures.Count >= stopAt)
                {
                    loop.Stop();
                }
            }
        });
        return [.. failures.OrderBy(f => f.Seed)];
    }

    private static Failure? Play(int seed, Func<IFileSystem, IFileSystem>? flaw)
    {
        var history = new History(seed, flaw);
        try
        {
            history.Run();
            return null;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return new Failure(seed, e, history.Trace);
        }
    }
}

/// <summary>A history in which something that was promised did not hold.</summary>
internal sealed record Failure(int Seed, Exception Cause, IReadOnlyList<string> Trace)
{
    public string Describe(int steps) =>
        $"seed {Seed}: {(Cause is BrokenPromiseException ? Cause.Message : Cause.ToString())}\n  " +
        string.Join("\n  ", Trace.TakeLast(steps));
}
