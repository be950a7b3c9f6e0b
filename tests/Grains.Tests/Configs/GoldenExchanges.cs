using System.Text.Json.Nodes;
using Orleans.Kafka.Golden;

namespace Orleans.Kafka.Grains.Tests.Configs;

/// <summary>Recorded exchanges of the golden data.</summary>
internal static class GoldenExchanges
{
    public static IEnumerable<JsonNode> Read(params string[] names) =>
        names.SelectMany(name => File.ReadLines(GoldenData.PathOf("wire", name + ".jsonl")))
            .Select(line => JsonNode.Parse(line)!)
            .OrderBy(exchange => exchange["seq"]!.GetValue<int>());

    public static Dictionary<string, string?> ReadProperties() =>
        File.ReadLines(GoldenData.PathOf("wire", "server.properties"))
            .Where(line => line.Contains('=') && !line.StartsWith('#'))
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => (string?)pair[1]);
}
