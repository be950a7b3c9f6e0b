using System.Text;
using Orleans.Kafka.Golden;
using Xunit.Abstractions;

namespace Orleans.Kafka.Wire.Tests;

/// <summary>
/// Everything that was recorded between clients and Kafka 4.3.1, replayed against this broker. Each answer is Kafka's, or
/// the difference is in the reviewed list; and each entry of that list still differs.
/// </summary>
[Collection(ReplayCollection.Name)]
public sealed class WireReplayTests(ReplayFixture fixture, ITestOutputHelper output)
{
    /// <summary>Set to a path to have every unlisted difference written there.</summary>
    private const string ReportVariable = "ORLEANS_KAFKA_WIRE_REPORT";

    private const int ShownMax = 60;

    [GoldenFact]
    public void Replay_EveryExchange_EqualsKafkaOrIsListed()
    {
        var unknown = new StringBuilder();
        var report = new StringBuilder();
        var count = 0;
        foreach (var outcome in fixture.Outcomes)
        {
            var differences = (outcome.Differences ?? [])
                .Where(difference => fixture.Known.Find(outcome.Exchange.Seq, difference.Pointer) is null)
                .ToList();
            if (differences.Count == 0)
            {
                continue;
            }

            var lines = $"{outcome.Exchange}\n"
                + string.Concat(differences.Take(6).Select(difference => $"    {difference}\n"));
            report.Append(lines);
            if (count++ < ShownMax)
            {
                unknown.Append(lines);
            }
        }

        output.WriteLine(fixture.Summary());
        if (Environment.GetEnvironmentVariable(ReportVariable) is { Length: > 0 } path)
        {
            File.WriteAllText(path, $"{fixture.Summary()}\n{report}");
        }

        Assert.True(count == 0, $"{count} exchanges differ in places that are not listed.\n{unknown}");
    }

    [GoldenFact]
    public void KnownDifferences_EveryPlace_StillDiffers()
    {
        var outcomes = fixture.Outcomes.ToDictionary(outcome => outcome.Exchange.Seq);
        var gone = fixture.Known.All
            .SelectMany(entry => entry.Where.SelectMany(place => place.Exchanges.Select(seq => (entry, place, seq))))
            .Where(each => outcomes.GetValueOrDefault(each.seq)?.Differences?
                .Any(difference => each.place.Covers(each.seq, difference.Pointer)) != true)
            .Select(each => $"{each.entry.Api}: {each.seq} {each.place.Pointer}")
            .ToList();
        Assert.True(gone.Count == 0, "Listed differences that are none:\n" + string.Join('\n', gone));
    }

    [GoldenFact]
    public void Skipped_EveryEntry_NamesAnApiThatIsNotServed()
    {
        var served = fixture.Served.Select(api => api.Key.ToString()).ToHashSet();
        var needless = fixture.Plan.Apis.Select(api => api.Api)
            .Concat(fixture.Plan.Scenarios.Select(scenario => scenario.Needs))
            .Where(served.Contains)
            .ToList();
        Assert.True(needless.Count == 0, "Skipped, and served: " + string.Join(", ", needless));
    }
}
