using Orleans.Kafka.Golden;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>A selection of what a real Kafka encoded, kept with the tests: a message or two of every API.</summary>
public sealed class SelectedMessageTests
{
    [Theory]
    [InlineData("apis.jsonl", 270)]
    [InlineData("records.jsonl", 40)]
    public void Messages_BothWays_AreKafkasBytes(string file, int atLeast) =>
        Assert.InRange(Sweep.Run(Selected(file), Sweep.BothWays), atLeast, int.MaxValue);

    [Theory]
    [InlineData("apis.jsonl")]
    [InlineData("records.jsonl")]
    public void Messages_CutAnywhere_Fail(string file) => _ = Sweep.Run(Selected(file), TruncationTests.CutAnywhere);

    internal static IEnumerable<GoldenMessage> Selected(string file) =>
        GoldenMessage.FromFile(Path.Combine(AppContext.BaseDirectory, "Messages", "golden", file));
}
