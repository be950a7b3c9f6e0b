using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Kafka.Golden;

namespace Orleans.Kafka.Protocol.Tests.Messages;

/// <summary>Checks of one message, and the gathering of what failed over many.</summary>
internal static class Sweep
{
    private const int Shown = 15;

    /// <summary>Runs <paramref name="check"/> on each; fails with the first few complaints. Gives the count.</summary>
    public static int Run(IEnumerable<GoldenMessage> messages, Func<GoldenMessage, string?> check)
    {
        var count = 0;
        var complaints = new List<string>();
        foreach (var message in messages)
        {
            count++;
            if (check(message) is { } complaint)
            {
                complaints.Add($"{message}: {complaint}");
            }
        }

        if (complaints.Count > 0)
        {
            var text = new StringBuilder($"{complaints.Count} of {count} failed").AppendLine();
            complaints.Take(Shown).ToList().ForEach(complaint => text.AppendLine(complaint));
            Assert.Fail(text.ToString());
        }

        return count;
    }

    /// <summary>Decode, compare, encode from JSON, compare bytes.</summary>
    public static string? BothWays(GoldenMessage golden)
    {
        var message = Schema.Create(golden.Name);
        var reader = new KafkaReader(golden.Body);
        message.Read(ref reader, golden.Version);
        if (reader.Failed || reader.Remaining > 0)
        {
            return reader.Failed ? "does not decode" : $"{reader.Remaining} bytes left";
        }

        var shown = MessageJson.ToJson(message, golden.Version);
        if (!IsSame(shown, golden.Json))
        {
            return $"decodes to {shown.ToJsonString()} but should be {golden.Json.GetRawText()}";
        }

        if (golden.HasUnknownTags)
        {
            return null;
        }

        var fromJson = MessageJson.FromJson(golden.Name, golden.Version, golden.Json);
        return Encodes(message, golden) ?? Encodes(fromJson, golden) ?? Measures(message, golden);
    }

    /// <summary>Whether encoding gives the golden bytes.</summary>
    public static string? Encodes(IKafkaMessage message, GoldenMessage golden)
    {
        var bytes = MessageJson.Encode(message, golden.Version);
        return bytes.AsSpan().SequenceEqual(golden.Body)
            ? null
            : $"encodes to {Convert.ToHexString(bytes)} but should be {Convert.ToHexString(golden.Body)}";
    }

    private static string? Measures(IKafkaMessage message, GoldenMessage golden)
    {
        var size = KafkaWriter.Measure(message, golden.Version);
        return size == golden.Body.Length ? null : $"measures {size} bytes, has {golden.Body.Length}";
    }

    private static bool IsSame(JsonObject shown, JsonElement expected) =>
        MessageJson.IsSame(JsonSerializer.SerializeToElement(shown), expected);
}
