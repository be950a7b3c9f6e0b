using Xunit.Abstractions;

namespace Orleans.Kafka.Grains.Tests.Groups.Consumer;

/// <summary>
/// Random histories of ten clients of both protocols: messages lost and repeated, coordinators that die before and after
/// they write, topics that come and go, clients that die and are exchanged for those of the other protocol.
/// </summary>
public sealed class HistoryTests(ITestOutputHelper output)
{
    /// <summary>Set to another number of seeds for a long run.</summary>
    private const string SeedsVariable = "ORLEANS_KAFKA_GROUP_SEEDS";

    private const int UsualSeeds = 100;
    private const int Steps = 250;

    public static TheoryData<HistoryKind> Kinds => [.. Enum.GetValues<HistoryKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void History_Any_NoPartitionHasTwoOwnersAndAllConverge(HistoryKind kind)
    {
        int seeds = int.TryParse(Environment.GetEnvironmentVariable(SeedsVariable), out int asked) ? asked : UsualSeeds;
        int changes = 0;
        for (int seed = 0; seed < seeds; seed++)
        {
            var history = new History(kind, seed);
            try
            {
                history.Run(Steps);
                history.CalmDown();
                changes += history.ProtocolChanges;
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"{kind}, seed {seed}:\n{history.Tail()}\n{exception.Message}", exception);
            }
        }

        output.WriteLine($"{kind}: {seeds} histories of {Steps} steps, {changes} changes of protocol");
        Assert.True(kind == HistoryKind.ConsumersOnly || changes > 0);
    }
}

/// <summary>Who takes part.</summary>
public enum HistoryKind
{
    ConsumersOnly,
    WithEagerClassics,
    WithCooperativeClassics,
}
