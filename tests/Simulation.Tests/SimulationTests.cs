using System.Globalization;

namespace Orleans.Kafka.Simulation.Tests;

/// <summary>
/// Random histories of log directories on a disk that does what disks do. A seed decides everything: the same one fails
/// again and again until its cause is gone. <c>make simulate</c> runs 100,000 of them.
/// </summary>
public sealed class SimulationTests
{
    private const int FewSeeds = 600;

    private static readonly int Seeds = Number("ORLEANS_KAFKA_SEEDS", FewSeeds);
    private static readonly int FirstSeed = Number("ORLEANS_KAFKA_FIRST_SEED", 0);

    [Fact]
    public void History_OfAnySeed_KeepsWhatWasPromised()
    {
        var failures = Simulation.Run(FirstSeed, Seeds, stopAt: 5);

        // One seed alone tells its whole story.
        Assert.True(
            failures.Count == 0, string.Join("\n\n", failures.Select(f => f.Describe(Seeds == 1 ? int.MaxValue : 14))));
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number)
            ? number
            : otherwise;
}
