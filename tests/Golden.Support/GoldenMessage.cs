using System.Text.Json;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Golden;

/// <summary>One encoded message with its JSON.</summary>
/// <param name="Name">Class name.</param>
/// <param name="Version">Version of the body.</param>
/// <param name="Variant">How it is filled, see the README of the golden data.</param>
/// <param name="Body">The bytes without header.</param>
/// <param name="Json">The same as JSON.</param>
public sealed record GoldenMessage(string Name, short Version, string Variant, byte[] Body, JsonElement Json)
{
    /// <summary>Whether it has tagged fields that nobody knows, which are not kept.</summary>
    public bool HasUnknownTags => Variant == "unknown-tags";

    /// <summary>All requests and responses of the golden data.</summary>
    public static IEnumerable<GoldenMessage> Apis() => Directory
        .EnumerateFiles(GoldenData.PathOf("messages"))
        .Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0]))
        .Order(StringComparer.Ordinal)
        .SelectMany(FromFile);

    /// <summary>All records of coordinators and embedded messages of the golden data.</summary>
    public static IEnumerable<GoldenMessage> Records() => Directory
        .EnumerateFiles(GoldenData.PathOf("messages", "records"))
        .Where(path => !Path.GetFileName(path).StartsWith("control-records", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal)
        .SelectMany(FromFile);

    /// <summary>The messages of one file in the format of the golden data.</summary>
    public static IEnumerable<GoldenMessage> FromFile(string path) => GoldenData.Lines(path).Select(FromLine);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} v{Version} {Variant}";

    private static GoldenMessage FromLine(JsonElement line) => new(
        line.TryGetProperty("record", out var record) ? record.GetString()! : ApiName(line),
        line.GetProperty("version").GetInt16(),
        line.GetProperty("variant").GetString()!,
        Convert.FromHexString(line.GetProperty("hex").GetString()!),
        line.GetProperty("json"));

    private static string ApiName(JsonElement line) => MessageJson.NameOf(
        (ApiKey)line.GetProperty("key").GetInt16(),
        line.GetProperty("kind").GetString() == "request" ? GoldenKind.Request : GoldenKind.Response);
}
