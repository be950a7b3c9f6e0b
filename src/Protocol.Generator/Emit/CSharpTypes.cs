using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Protocol.Generator.Emit;

/// <summary>How schema types look in C#, and what they cost on the wire.</summary>
internal static class CSharpTypes
{
    /// <summary>Type of one value: the element where the field is an array.</summary>
    public static string Value(FieldSchema field) => field.Kind switch
    {
        FieldKind.Int8 => "sbyte",
        FieldKind.Int16 => "short",
        FieldKind.UInt16 => "ushort",
        FieldKind.Int32 => "int",
        FieldKind.UInt32 => "uint",
        FieldKind.Int64 => "long",
        FieldKind.Float64 => "double",
        FieldKind.Bool => "bool",
        FieldKind.Error => "ErrorCode",
        FieldKind.Uuid => "KafkaUuid",
        FieldKind.String => "string",
        FieldKind.Bytes => "byte[]",
        FieldKind.Records => "RecordSet",
        _ => field.StructName,
    };

    /// <summary>The part of reader and writer method names: ReadInt32, WriteInt32.</summary>
    public static string Method(FieldKind kind) => kind switch
    {
        FieldKind.Error => "ErrorCode",
        FieldKind.UInt16 => "UInt16",
        FieldKind.UInt32 => "UInt32",
        _ => kind.ToString(),
    };

    /// <summary>Whether a non-nullable array keeps null inside as long as it is empty.</summary>
    public static bool IsLazyList(FieldSchema field) => field.IsArray && !field.IsNullable;

    public static string BackingField(FieldSchema field) =>
        "_" + char.ToLowerInvariant(field.Name[0]) + field.Name.Substring(1);

    /// <summary>The condition on <c>version</c> under which a field is there, or null when it always is.</summary>
    public static string? Condition(VersionRange field, VersionRange owner)
    {
        var low = field.Low > owner.Low;
        var high = field.High < owner.High;
        if (low && high)
        {
            return field.Low == field.High
                ? $"version == {field.Low}"
                : $"version is >= {field.Low} and <= {field.High}";
        }

        return low ? $"version >= {field.Low}" : high ? $"version <= {field.High}" : null;
    }

    /// <summary>The condition under which <c>version</c> is none of <paramref name="range"/>.</summary>
    public static string Outside(VersionRange range) =>
        range.Low == range.High ? $"version != {range.Low}" : $"version is < {range.Low} or > {range.High}";

    /// <summary>Fewest bytes that one element takes in any version in which the array occurs, at least 1.</summary>
    public static int MinElementSize(MessageSchema message, FieldSchema field)
    {
        var smallest = int.MaxValue;
        for (var version = field.Versions.Low; version <= field.Versions.High; version++)
        {
            smallest = Math.Min(smallest, MinValueSize(message, field, version));
        }

        return Math.Max(1, smallest);
    }

    private static int MinStructSize(MessageSchema message, StructSchema item, int version)
    {
        var size = message.Flexible.Contains(version) ? 1 : 0;
        foreach (var field in item.Fields)
        {
            if (field.IsTagged || !field.Versions.Contains(version))
            {
                continue;
            }

            var lengthOnly = message.Flexible.Contains(version) ? 1 : 4;
            size += field.IsArray ? lengthOnly : MinValueSize(message, field, version);
        }

        return size;
    }

    private static int MinValueSize(MessageSchema message, FieldSchema field, int version)
    {
        var isFlexible = message.Flexible.Contains(version);
        return field.Kind switch
        {
            FieldKind.String => isFlexible ? 1 : 2,
            FieldKind.Bytes or FieldKind.Records => isFlexible ? 1 : 4,
            FieldKind.Struct when !field.IsArray && field.Nullable.Contains(version) => 1,
            FieldKind.Struct => MinStructSize(message, field.Struct!, version),
            _ => TypeNames.FixedSize(field.Kind),
        };
    }
}
