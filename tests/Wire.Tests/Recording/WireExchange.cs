using System.Text.Json.Nodes;

namespace Orleans.Kafka.Wire.Tests.Recording;

/// <summary>One recorded exchange: what was sent to Kafka, and what came back.</summary>
internal sealed class WireExchange
{
    private readonly JsonNode _line;

    public WireExchange(string line)
    {
        _line = JsonNode.Parse(line)!;
        Seq = (int)_line["seq"]!;
        Scenario = (string)_line["scenario"]!;
        Connection = (int)_line["conn"]!;
        Api = (string)_line["api"]!;
        Key = (short)(int)_line["key"]!;
        Version = (short)(int)_line["version"]!;
        Note = (string)_line["note"]!;
        RequestFrame = Convert.FromHexString((string)_line["request_hex"]!);
        ResponseFrame = (string?)_line["response_hex"] is { } hex ? Convert.FromHexString(hex) : null;
        End = (string)_line["connection"]!;
    }

    /// <summary>Its place over all files.</summary>
    public int Seq { get; }

    public string Scenario { get; }

    /// <summary>Which connection of its scenario.</summary>
    public int Connection { get; }

    /// <summary>The name of the API, or <c>connection</c> for bytes that need not be a request.</summary>
    public string Api { get; }

    public short Key { get; }

    public short Version { get; }

    public string Note { get; }

    /// <summary>What was sent, with its length.</summary>
    public byte[] RequestFrame { get; }

    /// <summary>What came back, with its length; null when nothing came.</summary>
    public byte[]? ResponseFrame { get; }

    /// <summary><c>open</c>, <c>closed</c> by the broker, or <c>no answer</c>.</summary>
    public string End { get; }

    public JsonNode? Request => _line["request_json"];

    public JsonNode? Response => _line["response_json"];

    /// <summary>The request with <c>${...}</c> where ids go in; null when it has none.</summary>
    public JsonNode? Template => _line["request_template"];

    /// <summary>The version of the answer, which differs from the request's when ApiVersions is asked too high.</summary>
    public short ResponseVersion => _line["response_version"] is { } version ? (short)(int)version : Version;

    /// <summary>Whether two runs of Kafka itself differed in more than a few values.</summary>
    public bool IsUnstable => _line["unstable"] is not null;

    public TimeSpan WaitBefore => TimeSpan.FromMilliseconds((int?)_line["wait_before_ms"] ?? 0);

    /// <summary>Its answer was read only after the exchange of this number was sent; null when at once.</summary>
    public int? AnswerReadAfter => (int?)_line["answer_read_after"];

    /// <summary>Whether it was sent again until the answer was as recorded.</summary>
    public bool IsRepeated => Note.Contains("(repeat", StringComparison.Ordinal);

    public bool ShutsDownSending => Note.Contains("write side shut down", StringComparison.Ordinal);

    /// <summary>Pointers to what differs from run to run.</summary>
    public IEnumerable<string> Varies => _line["varies"]!.AsArray().Select(pointer => (string)pointer!);

    /// <summary>Variables and the pointers into the answer at which their values are.</summary>
    public IEnumerable<(string Name, string Pointer)> Captures =>
        _line["captures"]?.AsObject().Select(pair => (pair.Key, (string)pair.Value!)) ?? [];

    public override string ToString() => $"{Seq} {Scenario}: {Api} v{Version}, {Note}";
}
