using System.Globalization;

namespace Orleans.Kafka.Protocol.Generator.Schema;

/// <summary>Names, sizes and defaults of the types of the schema language.</summary>
internal static class TypeNames
{
    public static bool TryGetKind(string name, out FieldKind kind)
    {
        kind = name switch
        {
            "int8" => FieldKind.Int8,
            "int16" => FieldKind.Int16,
            "uint16" => FieldKind.UInt16,
            "int32" => FieldKind.Int32,
            "uint32" => FieldKind.UInt32,
            "int64" => FieldKind.Int64,
            "float64" => FieldKind.Float64,
            "bool" => FieldKind.Bool,
            "error" => FieldKind.Error,
            "uuid" => FieldKind.Uuid,
            "string" => FieldKind.String,
            "bytes" => FieldKind.Bytes,
            "records" => FieldKind.Records,
            _ => FieldKind.Struct,
        };
        return kind != FieldKind.Struct;
    }

    /// <summary>Bytes that a value of a fixed-size type takes, or 0.</summary>
    public static int FixedSize(FieldKind kind) => kind switch
    {
        FieldKind.Int8 or FieldKind.Bool => 1,
        FieldKind.Int16 or FieldKind.UInt16 or FieldKind.Error => 2,
        FieldKind.Int32 or FieldKind.UInt32 => 4,
        FieldKind.Int64 or FieldKind.Float64 => 8,
        FieldKind.Uuid => 16,
        _ => 0,
    };

    public static bool IsDefault(FieldSchema field, string text)
    {
        if (text == "empty")
        {
            // An untagged struct would be made for every message, only to be replaced.
            var isStruct = field.Kind == FieldKind.Struct && !field.IsArray;
            return field.IsNullable && field.Kind != FieldKind.Records && (!isStruct || field.IsTagged);
        }

        if (field.IsArray)
        {
            return false;
        }

        if (field.Kind == FieldKind.Bool)
        {
            return text is "true";
        }

        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        return field.Kind switch
        {
            FieldKind.Int8 => number is >= sbyte.MinValue and <= sbyte.MaxValue,
            FieldKind.Int16 => number is >= short.MinValue and <= short.MaxValue,
            FieldKind.UInt16 => number is >= 0 and <= ushort.MaxValue,
            FieldKind.Int32 => number is >= int.MinValue and <= int.MaxValue,
            FieldKind.UInt32 => number is >= 0 and <= uint.MaxValue,
            FieldKind.Int64 => true,
            _ => false,
        };
    }
}
