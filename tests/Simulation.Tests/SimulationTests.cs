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

    /// <summary>The checks can fail: a flush that is left out costs a promise within a few histories.</summary>
    [Theory]
    [InlineData(".log")]
    [InlineData("-checkpoint.tmp")]
    [InlineData("partition.metadata")]
    [InlineData(".timeindex")]
    [InlineData("-0/")]
    [InlineData("data/")]
    public void History_OnADiskThatForgetsToFlush_BreaksAPromise(string nameEnding)
    {
        var failures = Simulation.Run(
            0, 2000, stopAt: 1, files => new ForgetfulFileSystem(files, p => p.EndsWith(nameEnding, StringComparison.Ordinal)));
        Assert.NotEmpty(failures);
    }

    [Fact]
    public void History_OnADiskWithoutAFlushForAll_KeepsWhatWasPromised()
    {
        var failures = Simulation.Run(FirstSeed, Seeds / 4, stopAt: 1, static files => new ForgetfulFileSystem(files, _ => false));
        Assert.True(failures.Count == 0, string.Join("\n\n", failures.Select(f => f.Describe(14))));
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number)
            ? number
            : otherwise;
}
