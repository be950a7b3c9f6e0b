using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Kafka.Golden;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>JSON of the recording to bytes and back.</summary>
internal static class WireMessages
{
    private const int CorrelationSize = 4;

    /// <summary>The body of a request.</summary>
    public static byte[] EncodeRequest(short key, short version, JsonNode json)
    {
        var element = json.Deserialize<JsonElement>();
        var message = MessageJson.FromJson((ApiKey)key, GoldenKind.Request, version, element);
        return MessageJson.Encode(message, version);
    }

    /// <summary>The JSON of an answer without its length.</summary>
    /// <param name="key">The API.</param>
    /// <param name="requestVersion">The version asked, which decides the header.</param>
    /// <param name="version">The version of the body.</param>
    /// <param name="answer">Header and body.</param>
    /// <exception cref="FormatException">The bytes are no such answer.</exception>
    public static JsonObject DecodeResponse(short key, short requestVersion, short version, ReadOnlyMemory<byte> answer)
    {
        var headerSize = CorrelationSize;
        if (ApiCatalog.ResponseHeaderVersion((ApiKey)key, requestVersion) > 0)
        {
            if (answer.Length <= headerSize || answer.Span[headerSize] != 0)
            {
                throw new FormatException("The header of the answer has tagged fields, or none at all.");
            }

            headerSize++;
        }

        var message = MessageJson.Decode((ApiKey)key, GoldenKind.Response, version, answer[headerSize..]);

        // Read again from text, so that every number compares and converts alike, whatever its size.
        return JsonNode.Parse(MessageJson.ToJson(message, version).ToJsonString())!.AsObject();
    }
}
