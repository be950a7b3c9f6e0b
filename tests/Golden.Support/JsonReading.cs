using System.Collections;
using System.Text.Json;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Golden;

/// <summary>JSON to messages.</summary>
internal static class JsonReading
{
    public static void Fill(object target, StructSchema schema, short version, JsonElement json)
    {
        foreach (var field in schema.Fields)
        {
            var name = JsonWriting.NameOf(schema.Name, field);
            if (field.Versions.Contains(version) && json.TryGetProperty(name, out var value))
            {
                var property = target.GetType().GetProperty(field.Name)!;
                property.SetValue(target, Read(field, property.PropertyType, version, value));
            }
        }
    }

    private static object? Read(FieldSchema field, Type type, short version, JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Null)
        {
            return field.Kind == FieldKind.Records ? RecordSet.Null : null;
        }

        if (!field.IsArray)
        {
            return ReadValue(field, type, version, json);
        }

        var list = (IList)Activator.CreateInstance(type)!;
        foreach (var item in json.EnumerateArray())
        {
            list.Add(ReadValue(field, type.GetGenericArguments()[0], version, item));
        }

        return list;
    }

    private static object ReadValue(FieldSchema field, Type type, short version, JsonElement json) => field.Kind switch
    {
        FieldKind.Int8 => json.GetSByte(),
        FieldKind.Int16 => json.GetInt16(),
        FieldKind.UInt16 => json.GetUInt16(),
        FieldKind.Int32 => json.GetInt32(),
        FieldKind.UInt32 => json.GetUInt32(),
        FieldKind.Int64 => json.GetInt64(),
        FieldKind.Float64 => json.GetDouble(),
        FieldKind.Bool => json.GetBoolean(),
        FieldKind.Error => (ErrorCode)json.GetInt16(),
        FieldKind.Uuid => ReadUuid(json.GetString()!),
        FieldKind.String => json.GetString()!,
        FieldKind.Bytes => json.GetBytesFromBase64(),
        FieldKind.Records => new RecordSet(json.GetBytesFromBase64()),
        _ => ReadStruct(field, type, version, json),
    };

    private static object ReadStruct(FieldSchema field, Type type, short version, JsonElement json)
    {
        var item = Activator.CreateInstance(type)!;
        Fill(item, field.Struct!, version, json);
        return item;
    }

    private static KafkaUuid ReadUuid(string text) =>
        KafkaUuid.TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is no id.");
}
