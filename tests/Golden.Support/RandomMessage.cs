using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Golden;

/// <summary>Messages with random content, also of versions and APIs that the golden data lacks.</summary>
public static class RandomMessage
{
    private const int MaxElements = 3;
    private const int MaxBytes = 20;
    private const string Letters = "aZ09-_ é€\U0001F600";

    /// <summary>Class names and version ranges of everything that is declared.</summary>
    public static IEnumerable<(string Name, short Min, short Max)> Declared() =>
        from schema in Schemas.Messages
        orderby schema.Name
        select (schema.Name, (short)schema.Versions.Low, (short)schema.Versions.High);

    /// <summary>Fills a message of <paramref name="version"/>; the same seed gives the same message.</summary>
    public static IKafkaMessage Create(string name, short version, int seed)
    {
        var random = new Random(seed);
        var json = Fill(Schemas.Of(name).Root, version, random);
        return MessageJson.FromJson(name, version, JsonSerializer.SerializeToElement(json));
    }

    private static JsonObject Fill(StructSchema schema, short version, Random random)
    {
        var json = new JsonObject();
        foreach (var field in schema.Fields)
        {
            if (field.Versions.Contains(version) && (!field.IsTagged || random.Next(2) == 0))
            {
                var isNull = field.Nullable.Contains(version) && random.Next(4) == 0;
                json.Add(JsonWriting.NameOf(schema.Name, field), isNull ? null : Content(field, version, random));
            }
        }

        return json;
    }

    private static JsonNode Content(FieldSchema field, short version, Random random)
    {
        if (!field.IsArray)
        {
            return Value(field, version, random);
        }

        var items = new JsonArray();
        for (var left = random.Next(MaxElements + 1); left > 0; left--)
        {
            items.Add(Value(field, version, random));
        }

        return items;
    }

    private static JsonNode Value(FieldSchema field, short version, Random random) => field.Kind switch
    {
        FieldKind.Int8 => (sbyte)random.Next(),
        FieldKind.Int16 or FieldKind.Error => (short)random.Next(),
        FieldKind.UInt16 => (ushort)random.Next(),
        FieldKind.Int32 => random.Next(int.MinValue, int.MaxValue),
        FieldKind.UInt32 => (uint)random.Next(),
        FieldKind.Int64 => random.NextInt64(long.MinValue, long.MaxValue),
        FieldKind.Float64 => random.NextDouble() * 1e9,
        FieldKind.Bool => random.Next(2) == 0,
        FieldKind.Uuid => KafkaUuid.Create(random).ToString(),
        FieldKind.String => Text(random),
        FieldKind.Bytes or FieldKind.Records => Convert.ToBase64String(Bytes(random)),
        _ => Fill(field.Struct!, version, random),
    };

    private static byte[] Bytes(Random random)
    {
        var bytes = new byte[random.Next(MaxBytes)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static string Text(Random random)
    {
        var letters = Letters.EnumerateRunes().ToArray();
        var length = random.Next(MaxBytes);
        return string.Concat(Enumerable.Range(0, length).Select(_ => letters[random.Next(letters.Length)]));
    }
}
