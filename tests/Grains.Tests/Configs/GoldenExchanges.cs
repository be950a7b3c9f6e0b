using System.Text.Json.Nodes;

namespace Orleans.Kafka.Grains.Tests.Configs;

/// <summary>Recorded exchanges of the golden data; where they are not at hand, the tests say so.</summary>
internal static class GoldenExchanges
{
    private static readonly Lazy<string?> LazyDirectory = new(Find);

    public static string? Directory => LazyDirectory.Value;

    public static IEnumerable<JsonNode> Read(params string[] names) =>
        names.SelectMany(name => File.ReadLines(Path.Combine(Directory!, "wire", name + ".jsonl")))
            .Select(line => JsonNode.Parse(line)!)
            .OrderBy(exchange => exchange["seq"]!.GetValue<int>());

    public static Dictionary<string, string?> ReadProperties() =>
        File.ReadLines(Path.Combine(Directory!, "wire", "server.properties"))
            .Where(line => line.Contains('=') && !line.StartsWith('#'))
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => (string?)pair[1]);

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("ORLEANS_KAFKA_GOLDEN") is { Length: > 0 } given)
        {
            return given;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "golden");
            if (System.IO.Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}

/// <summary>A fact that needs the golden data, and says so when it is not there.</summary>
internal sealed class GoldenFactAttribute : FactAttribute
{
    public GoldenFactAttribute()
    {
        if (GoldenExchanges.Directory is null)
        {
            Skip = "The golden data is not at hand (ORLEANS_KAFKA_GOLDEN, or a folder shared/golden above).";
        }
    }
}
