using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Orleans.Kafka.Hosting.Tests;

public sealed class MetricsTests
{
    [Fact]
    public async Task Instruments_OfABroker_AreThoseOfTheDocument()
    {
        using var listener = new MeterListener();
        var published = new ConcurrentBag<Instrument>();
        listener.InstrumentPublished = (instrument, _) => published.Add(instrument);
        listener.Start();
        await using KafkaBroker broker = await KafkaBroker.StartAsync();
        var meters = broker.Services.GetRequiredService<IMeterFactory>();
        Instrument[] own =
            [.. published.Where(each => each.Meter.Name == "Orleans.Kafka" && ReferenceEquals(each.Meter.Scope, meters))];

        Assert.Equal(
            Documented().Order(),
            own.Select(each => $"{each.Name} {KindOf(each)} {each.Unit}").Order());
        Assert.All(own, each => Assert.False(string.IsNullOrWhiteSpace(each.Description)));
        Assert.Equal(own.Length, own.Select(each => each.Name).Distinct().Count());
    }

    private static string KindOf(Instrument instrument)
    {
        string type = instrument.GetType().Name;
        return type.Contains("Histogram", StringComparison.Ordinal) ? "histogram"
            : type.Contains("Counter", StringComparison.Ordinal) ? "counter" : "gauge";
    }

    private static IEnumerable<string> Documented()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Join(at.FullName, "Orleans.Kafka.sln")))
        {
            at = at.Parent;
        }

        Assert.NotNull(at);
        return File.ReadLines(Path.Join(at.FullName, "docs", "metrics.md"))
            .Where(line => line.StartsWith("| `kafka.", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => $"{cells[1].Trim('`')} {cells[2]} {cells[3]}");
    }
}
