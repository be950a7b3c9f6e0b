using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Golden;

/// <summary>Which of an API's two messages is meant.</summary>
public enum GoldenKind
{
    /// <summary>What the client sends.</summary>
    Request,

    /// <summary>What the broker answers.</summary>
    Response,
}

/// <summary>
/// Messages as JSON in the manner of Kafka's own converters: names in camelCase, bytes and records in base64, ids in
/// URL-safe base64, error codes as numbers, tagged fields only where they differ from their default, no fields that the
/// version lacks. On the way in absent fields keep their default.
/// </summary>
public static class MessageJson
{
    /// <summary>Class name of an API's request or response.</summary>
    public static string NameOf(ApiKey key, GoldenKind kind) => ApiCatalog.Name(key) + kind;

    /// <summary>Makes a request or response of <paramref name="version"/> from JSON.</summary>
    public static IKafkaMessage FromJson(ApiKey key, GoldenKind kind, short version, JsonElement json) =>
        FromJson(NameOf(key, kind), version, json);

    /// <summary>Makes the message with the class name <paramref name="name"/> from JSON.</summary>
    public static IKafkaMessage FromJson(string name, short version, JsonElement json)
    {
        var message = Schemas.Create(name);
        JsonReading.Fill(message, Schemas.Of(name).Root, version, json);
        return message;
    }

    /// <summary>Shows a message as JSON.</summary>
    public static JsonObject ToJson(IKafkaMessage message, short version) =>
        JsonWriting.Show(message, Schemas.Of(message.GetType().Name).Root, version);

    /// <summary>
    /// Whether two JSON values say the same. Numbers are compared by value: Java and .NET do not write the same digits
    /// of a double.
    /// </summary>
    public static bool IsSame(JsonElement left, JsonElement right) => (left.ValueKind, right.ValueKind) switch
    {
        (JsonValueKind.Object, JsonValueKind.Object) =>
            left.GetPropertyCount() == right.GetPropertyCount()
            && left.EnumerateObject().All(
                item => right.TryGetProperty(item.Name, out var other) && IsSame(item.Value, other)),
        (JsonValueKind.Array, JsonValueKind.Array) =>
            left.GetArrayLength() == right.GetArrayLength()
            && left.EnumerateArray().Zip(right.EnumerateArray()).All(pair => IsSame(pair.First, pair.Second)),
        (JsonValueKind.Number, JsonValueKind.Number) =>
            left.TryGetInt64(out var one) && right.TryGetInt64(out var two)
                ? one == two
                : left.GetDouble().Equals(right.GetDouble()),
        _ => JsonElement.DeepEquals(left, right),
    };

    /// <summary>Decodes a body.</summary>
    /// <exception cref="FormatException">The bytes are malformed, or some are left over.</exception>
    public static IKafkaMessage Decode(string name, short version, ReadOnlyMemory<byte> body)
    {
        var message = Schemas.Create(name);
        var reader = new KafkaReader(body);
        message.Read(ref reader, version);
        if (reader.Failed || reader.Remaining > 0)
        {
            var what = reader.Failed ? "is malformed" : $"has {reader.Remaining} bytes left over";
            throw new FormatException($"{name} version {version} {what}.");
        }

        return message;
    }

    /// <summary>Decodes the body of a request or response.</summary>
    /// <exception cref="FormatException">The bytes are malformed, or some are left over.</exception>
    public static IKafkaMessage Decode(ApiKey key, GoldenKind kind, short version, ReadOnlyMemory<byte> body) =>
        Decode(NameOf(key, kind), version, body);

    /// <summary>Encodes a body.</summary>
    public static byte[] Encode(IKafkaMessage message, short version)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(output);
        message.Write(ref writer, version);
        writer.Complete();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>A whole request frame: length, header, body.</summary>
    public static byte[] EncodeFrame(ApiKey key, short version, int correlationId, string? clientId, IKafkaMessage body)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new KafkaWriter(output);
        writer.WriteInt32(0);
        var header = new RequestHeader
        {
            ApiKey = key,
            ApiVersion = version,
            CorrelationId = correlationId,
            ClientId = clientId,
        };
        header.Write(ref writer);
        body.Write(ref writer, version);
        writer.Complete();
        var frame = output.WrittenSpan.ToArray();
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - sizeof(int));
        return frame;
    }
}
