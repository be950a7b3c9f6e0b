using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Protocol.Generator.Emit;

/// <summary>Writes the methods that decode.</summary>
internal static class ReadEmitter
{
    public static void EmitMethod(CodeWriter code, MessageSchema message, StructSchema owner, bool isRoot)
    {
        code.Line(isRoot ? "/// <inheritdoc/>" : "/// <summary>Reads the fields of one version.</summary>");
        code.Open($"{(isRoot ? "public" : "internal")} void Read(ref KafkaReader reader, short version)");
        if (isRoot)
        {
            code.Open($"if ({CSharpTypes.Outside(message.Versions)})");
            code.Line("reader.Fail();");
            code.Line("return;");
            code.Close();
            code.Line();
            code.Line($"reader.Flexible = {FlexibleAt(message)};");
        }

        Fields.EmitGrouped(code, owner, field => EmitField(code, message, field));
        EmitTags(code, message, owner);
        code.Close();
    }

    public static void EmitListMethod(CodeWriter code, StructSchema item)
    {
        code.Line("/// <summary>Reads an array; an empty one is null, so that it costs nothing.</summary>");
        code.Open($"internal static List<{item.Name}>? ReadList(ref KafkaReader reader, short version, int minSize)");
        code.Line("var count = reader.ReadArrayLength(minSize);");
        code.Line("return count == 0 ? null : ReadItems(ref reader, version, count);");
        code.Close();
        if (item.IsNullableElement)
        {
            code.Line();
            code.Line("/// <summary>Reads an array that may be null.</summary>");
            code.Open(
                $"internal static List<{item.Name}>? ReadNullableList("
                + "ref KafkaReader reader, short version, int minSize)");
            code.Line("var count = reader.ReadNullableArrayLength(minSize);");
            code.Line("return count < 0 ? null : ReadItems(ref reader, version, count);");
            code.Close();
        }

        code.Line();
        code.Open($"private static List<{item.Name}> ReadItems(ref KafkaReader reader, short version, int count)");
        code.Line($"var items = new List<{item.Name}>(count);");
        code.Open("for (var i = 0; i < count && !reader.Failed; i++)");
        code.Line($"var item = new {item.Name}();");
        code.Line("item.Read(ref reader, version);");
        code.Line("items.Add(item);");
        code.Close();
        code.Line();
        code.Line("return items;");
        code.Close();
    }

    private static string FlexibleAt(MessageSchema message)
    {
        if (message.Flexible.IsEmpty)
        {
            return "false";
        }

        return message.Flexible.Low <= message.Versions.Low ? "true" : $"version >= {message.Flexible.Low}";
    }

    private static void EmitField(CodeWriter code, MessageSchema message, FieldSchema field)
    {
        if (field.Kind == FieldKind.Struct && !field.IsArray)
        {
            EmitStruct(code, field);
            return;
        }

        var target = CSharpTypes.IsLazyList(field) ? CSharpTypes.BackingField(field) : field.Name;
        var plain = Value(message, field, isNullable: false);
        if (!field.IsNullable)
        {
            code.Line($"{target} = {plain};");
            return;
        }

        var nullable = Value(message, field, isNullable: true);
        if (CSharpTypes.Condition(field.Nullable, field.Versions) is { } condition)
        {
            plain += field.IsArray ? " ?? []" : "";
            code.Line($"{target} = {condition} ? {nullable} : {plain};");
            return;
        }

        code.Line($"{target} = {nullable};");
    }

    private static void EmitStruct(CodeWriter code, FieldSchema field)
    {
        if (field.IsNullable)
        {
            // In a tag the mark is an unsigned varint, elsewhere one byte.
            var mark = field.IsTagged ? "ReadTaggedPresence" : "ReadPresence";
            var condition = CSharpTypes.Condition(field.Nullable, field.Versions);
            var isThere = condition is null ? $"reader.{mark}()" : $"!({condition}) || reader.{mark}()";
            code.Open($"if ({isThere})");
            code.Line($"{field.Name} = new();");
            code.Line($"{field.Name}.Read(ref reader, version);");
            code.Close();
            if (field.DefaultsToEmpty)
            {
                code.Open("else");
                code.Line($"{field.Name} = null;");
                code.Close();
            }

            return;
        }

        if (field.IsTagged)
        {
            code.Line($"{field.Name} = new();");
        }

        code.Line($"{field.Name}.Read(ref reader, version);");
    }

    private static string Value(MessageSchema message, FieldSchema field, bool isNullable)
    {
        var prefix = isNullable ? "Nullable" : "";
        if (!field.IsArray)
        {
            return $"reader.Read{prefix}{CSharpTypes.Method(field.Kind)}()";
        }

        // With the message in front, as a property may have the name of the struct.
        return field.Kind == FieldKind.Struct
            ? $"{message.Name}.{field.StructName}"
                + $".Read{prefix}List(ref reader, version, {CSharpTypes.MinElementSize(message, field)})"
            : $"reader.Read{prefix}{CSharpTypes.Method(field.Kind)}List()";
    }

    private static void EmitTags(CodeWriter code, MessageSchema message, StructSchema owner)
    {
        if (message.Flexible.Intersect(owner.Versions).IsEmpty)
        {
            return;
        }

        var tagged = Fields.Tagged(owner);
        if (tagged.Count == 0)
        {
            code.Line("reader.SkipTags();");
            return;
        }

        code.Line("var tags = reader.ReadTagCount();");
        code.Open("for (; tags > 0 && reader.BeginTag(out var tag, out var end); tags--)");
        code.Open("switch (tag)");
        var flexible = message.Flexible.Intersect(owner.Versions);
        foreach (var field in tagged)
        {
            var condition = CSharpTypes.Condition(field.Versions, flexible);
            code.Open(condition is null ? $"case {field.Tag}:" : $"case {field.Tag} when {condition}:");
            EmitField(code, message, field);
            code.Line("break;");
            code.Close();
        }

        code.Line("default:");
        code.Line("    reader.SkipTag(end);");
        code.Line("    break;");
        code.Close();
        code.Line();
        code.Line("reader.EndTag(end);");
        code.Close();
    }
}
