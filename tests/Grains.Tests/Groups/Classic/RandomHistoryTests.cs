using System.Globalization;

namespace Orleans.Kafka.Grains.Tests.Groups.Classic;

/// <summary>
/// Ten members come and go, messages are lost and repeated, the coordinator dies and reads its log again, at any point of
/// seeded histories. ORLEANS_KAFKA_GROUP_SEEDS says how many.
/// </summary>
public sealed class RandomHistoryTests
{
    private static readonly int Seeds = int.Parse(
        Environment.GetEnvironmentVariable("ORLEANS_KAFKA_GROUP_SEEDS") ?? "10000", CultureInfo.InvariantCulture);

    [Fact]
    public void Histories_OfTenMembers_KeepEveryPromise() => Parallel.For(0, Seeds, seed =>
    {
        try
        {
            var history = new RandomHistory(seed);
            history.Run(steps: 500);
            history.CalmDown();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"seed {seed}: {exception.Message}", exception);
        }
    });

    [Fact]
    public void Histories_OfAGroupThatForgetsToFence_AreFoundOut()
    {
        // A checker that finds nothing wrong in a group that is wrong would prove nothing.
        int found = Enumerable.Range(0, 200).Count(seed =>
        {
            var history = new RandomHistory(seed) { BelievesRefusedCommits = true };
            try
            {
                history.Run(steps: 500);
                return false;
            }
            catch (Xunit.Sdk.XunitException)
            {
                return true;
            }
        });

        Assert.True(found > 100, $"only {found} of 200 histories noticed");
    }
}
