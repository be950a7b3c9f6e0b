using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json.Nodes;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Wire.Tests.Recording;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>
/// Puts the ids of this run into recorded requests. The recorded request is taken as it was sent, and only what the
/// template names is exchanged; producer ids inside of batches are patched in place and their CRC computed anew.
/// </summary>
internal sealed class TemplateFiller
{
    private const int CrcOffset = 17;
    private const int AttributesOffset = 21;
    private const int ProducerIdOffset = 43;
    private const int ProducerEpochOffset = 51;
    private readonly Dictionary<string, JsonNode> _captured = [];
    private readonly Dictionary<string, string> _topicIds = [];

    /// <summary>Forgets what an earlier scenario captured; topic ids stay.</summary>
    public void BeginScenario() => _captured.Clear();

    /// <summary>The request to send: the recorded one with the ids of this run.</summary>
    public JsonNode Fill(WireExchange exchange)
    {
        var request = exchange.Request!.DeepClone();
        if (exchange.Template is { } template)
        {
            Fill(template, request);
        }

        return request;
    }

    /// <summary>Keeps what later requests need.</summary>
    public void Keep(WireExchange exchange, JsonNode response)
    {
        foreach (var (name, pointer) in exchange.Captures)
        {
            if (JsonPointer.Find(response, pointer) is { } value)
            {
                _captured[name] = value.DeepClone();
            }
        }

        if (exchange.Api is "CreateTopics" or "Metadata" && response["topics"] is JsonArray topics)
        {
            foreach (var topic in topics)
            {
                if ((int)topic!["errorCode"]! == 0
                    && (string?)topic["name"] is { } name
                    && (string?)topic["topicId"] is { } id)
                {
                    _topicIds[name] = id;
                }
            }
        }
    }

    private static bool IsVariable(JsonNode? template) =>
        template is JsonValue value
        && value.TryGetValue<string>(out var text)
        && text.StartsWith("${", StringComparison.Ordinal);

    private void Fill(JsonNode template, JsonNode request)
    {
        switch (template)
        {
            case JsonObject members:
                foreach (var (name, value) in members)
                {
                    if (value is not null && request is JsonObject target && target[name] is { } current)
                    {
                        target[name] = FillMember(name, value, current);
                    }
                }

                break;
            case JsonArray items:
                for (var i = 0; i < items.Count; i++)
                {
                    Fill(items[i]!, request.AsArray()[i]!);
                }

                break;
        }
    }

    private JsonNode FillMember(string name, JsonNode template, JsonNode current)
    {
        if (IsVariable(template))
        {
            return Value((string)template!);
        }

        if (name == "records" && template is not JsonValue)
        {
            return JsonValue.Create(FillRecords(template, (string)current!));
        }

        Fill(template, current);
        return current.DeepClone();
    }

    private JsonNode Value(string variable)
    {
        var name = variable[2..^1];
        if (!name.StartsWith("id:", StringComparison.Ordinal))
        {
            return _captured.TryGetValue(name, out var value)
                ? value.DeepClone()
                : throw new InvalidOperationException($"Nothing was captured for {variable}.");
        }

        return _topicIds.TryGetValue(name[3..], out var id)
            ? JsonValue.Create(id)
            : throw new InvalidOperationException($"No answer named the topic id of {variable}.");
    }

    private string FillRecords(JsonNode template, string base64)
    {
        JsonNode?[] batches = template is JsonArray array ? [.. array] : [template];
        if (!batches.Any(batch => batch is JsonObject && (IsVariable(batch["pid"]) || IsVariable(batch["epoch"]))))
        {
            return base64;
        }

        var bytes = Convert.FromBase64String(base64);
        if (batches.Length != 1)
        {
            throw new NotSupportedException("A template with variables in one of several batches.");
        }

        if (IsVariable(batches[0]!["pid"]))
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(ProducerIdOffset), Number(batches[0]!["pid"]!));
        }

        if (IsVariable(batches[0]!["epoch"]))
        {
            BinaryPrimitives.WriteInt16BigEndian(bytes.AsSpan(ProducerEpochOffset), (short)Number(batches[0]!["epoch"]!));
        }

        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(CrcOffset), Crc32C.Compute(bytes.AsSpan(AttributesOffset)));
        return Convert.ToBase64String(bytes);
    }

    private long Number(JsonNode variable) =>
        long.Parse(Value((string)variable!).ToJsonString(), CultureInfo.InvariantCulture);
}
