using System.Buffers;
using System.Collections;
using System.Text.Json.Nodes;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Golden;

/// <summary>Messages to JSON.</summary>
internal static class JsonWriting
{
    // Fields that Kafka 4.3, which made the golden data, names otherwise than 4.4, from which the schemas are.
    private static readonly Dictionary<string, string> NamesIn43 = new(StringComparer.Ordinal)
    {
        ["TxnOffsetCommitRequest.GenerationIdOrMemberEpoch"] = "generationId",
        ["StreamsGroupHeartbeatResponse.AcceptableRecoveryLagLegacy"] = "acceptableRecoveryLag",
    };

    public static string NameOf(string owner, FieldSchema field) =>
        NamesIn43.GetValueOrDefault($"{owner}.{field.Name}")
        ?? char.ToLowerInvariant(field.Name[0]) + field.Name[1..];

    public static JsonObject Show(object source, StructSchema schema, short version)
    {
        var json = new JsonObject();
        object? fresh = null;
        foreach (var field in schema.Fields)
        {
            if (!field.Versions.Contains(version))
            {
                continue;
            }

            var shown = Show(field, source, version);
            if (field.IsTagged)
            {
                fresh ??= Activator.CreateInstance(source.GetType())!;
                if (JsonNode.DeepEquals(shown, Show(field, fresh, version)))
                {
                    continue;
                }
            }

            json.Add(NameOf(schema.Name, field), shown);
        }

        return json;
    }

    private static JsonNode? Show(FieldSchema field, object owner, short version)
    {
        var value = owner.GetType().GetProperty(field.Name)!.GetValue(owner);
        if (value is null or RecordSet { IsNull: true })
        {
            return null;
        }

        return field.IsArray
            ? new JsonArray([.. ((IEnumerable)value).Cast<object>().Select(item => ShowValue(field, item, version))])
            : ShowValue(field, value, version);
    }

    private static JsonNode ShowValue(FieldSchema field, object value, short version) => value switch
    {
        sbyte number => number,
        short number => number,
        ushort number => number,
        int number => number,
        uint number => number,
        long number => number,
        double number => number,
        bool truth => truth,
        ErrorCode code => (short)code,
        string text => text,
        KafkaUuid id => id.ToString(),
        byte[] bytes => Convert.ToBase64String(bytes),
        RecordSet records => Convert.ToBase64String(records.Bytes.ToArray()),
        _ => Show(value, field.Struct!, version),
    };
}
