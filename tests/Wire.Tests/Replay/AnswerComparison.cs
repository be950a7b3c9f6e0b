using System.Text.Json.Nodes;
using Orleans.Kafka.Wire.Tests.Recording;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>
/// Compares answers. Not compared: what varies between two runs of Kafka, the words of messages and documentation (only
/// whether there are any), and the order of lists that Kafka fills from hash tables.
/// </summary>
/// <param name="own">What belongs to the recorded broker, and what stands in its place here.</param>
internal sealed class AnswerComparison(IReadOnlyDictionary<string, string> own)
{
    private const string Anything = "\u0001";
    private static readonly HashSet<string> Words = ["errorMessage", "documentation", "batchIndexErrorMessage"];

    /// <summary>Lists without an order: API, name of the list, and the member that identifies an item.</summary>
    private static readonly HashSet<(string Api, string List, string Key)> Unordered =
    [
        ("DescribeConfigs", "configs", "name"),
        ("Metadata", "topics", "name"),
        ("Produce", "responses", "name"),
        ("Produce", "partitionResponses", "index"),
        ("ListOffsets", "topics", "name"),
        ("ListOffsets", "partitions", "partitionIndex"),
        ("DeleteRecords", "topics", "name"),
        ("DeleteRecords", "partitions", "partitionIndex"),
        ("OffsetForLeaderEpoch", "topics", "topic"),
        ("DeleteTopics", "responses", "name"),
        ("CreatePartitions", "results", "name"),
        ("CreateTopics", "topics", "name"),
        ("OffsetCommit", "topics", "name"),
        ("OffsetFetch", "topics", "name"),
        ("OffsetFetch", "partitions", "partitionIndex"),
        ("ListGroups", "groups", "groupId"),
        ("DescribeGroups", "members", "memberId"),
        ("DeleteGroups", "results", "groupId"),
        ("ConsumerGroupDescribe", "groups", "groupId"),
        ("JoinGroup", "members", "metadata"),
        ("ApiVersions", "apiKeys", "apiKey"),
        ("ApiVersions", "supportedFeatures", "name"),
        ("ApiVersions", "finalizedFeatures", "name"),
    ];

    /// <summary>The differences of one answer; none when it is Kafka's.</summary>
    public List<Difference> Compare(WireExchange exchange, JsonNode ours)
    {
        var kafka = exchange.Response!.DeepClone();
        foreach (var pointer in exchange.Varies)
        {
            JsonPointer.Replace(kafka, pointer, JsonValue.Create(Anything));
        }

        var differences = new List<Difference>();
        Compare(exchange.Api, "", "", kafka, ours, differences);
        return differences;
    }

    private static string Text(JsonNode? node) => node is null ? "null" : node.ToJsonString();

    private static bool IsAnything(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) && text == Anything;

    private void Compare(
        string api, string name, string pointer, JsonNode? kafka, JsonNode? ours, List<Difference> differences)
    {
        switch (kafka, ours)
        {
            case (JsonObject theirs, JsonObject mine):
                foreach (var member in theirs.Select(pair => pair.Key).Union(mine.Select(pair => pair.Key)))
                {
                    if (!theirs.ContainsKey(member) || !mine.ContainsKey(member))
                    {
                        var absent = theirs.ContainsKey(member) ? "" : "(absent)";
                        differences.Add(new Difference(
                            $"{pointer}/{member}",
                            absent.Length > 0 ? absent : Text(theirs[member]),
                            absent.Length > 0 ? Text(mine[member]) : "(absent)"));
                        continue;
                    }

                    Compare(api, member, $"{pointer}/{member}", theirs[member], mine[member], differences);
                }

                break;
            case (JsonArray theirs, JsonArray mine):
                CompareLists(api, name, pointer, theirs, mine, differences);
                break;
            default:
                if (!IsAnything(kafka) && !AreEqual(name, kafka, ours))
                {
                    differences.Add(new Difference(pointer, Text(kafka), Text(ours)));
                }

                break;
        }
    }

    private void CompareLists(
        string api, string name, string pointer, JsonArray kafka, JsonArray ours, List<Difference> differences)
    {
        var key = Unordered.FirstOrDefault(entry => entry.Api == api && entry.List == name).Key;
        if (key is not null && HasKeys(kafka, key) && HasKeys(ours, key))
        {
            var theirs = kafka.ToDictionary(item => Text(item![key]).Trim('"'));
            var mine = ours.ToDictionary(item => Text(item![key]).Trim('"'));
            foreach (var item in theirs.Keys.Union(mine.Keys))
            {
                var (their, our) = (theirs.GetValueOrDefault(item), mine.GetValueOrDefault(item));
                Compare(api, "", $"{pointer}/{item}", their, our, differences);
            }

            return;
        }

        if (kafka.Count != ours.Count)
        {
            differences.Add(new Difference(pointer, Text(kafka), Text(ours)));
            return;
        }

        for (var i = 0; i < kafka.Count; i++)
        {
            Compare(api, "", $"{pointer}/{i}", kafka[i], ours[i], differences);
        }
    }

    /// <summary>Whether every item has a value under the key that no other has.</summary>
    private static bool HasKeys(JsonArray items, string key)
    {
        var values = items.Select(item => item?[key]).ToList();
        return values.TrueForAll(value => value is not null && !IsAnything(value))
            && values.Select(Text).Distinct().Count() == items.Count;
    }

    private bool AreEqual(string name, JsonNode? kafka, JsonNode? ours)
    {
        if (Words.Contains(name))
        {
            return kafka is null == ours is null;
        }

        var expected = Text(kafka);
        foreach (var (theirs, mine) in own)
        {
            expected = expected.Replace(theirs, mine, StringComparison.Ordinal);
        }

        return expected == Text(ours);
    }
}
