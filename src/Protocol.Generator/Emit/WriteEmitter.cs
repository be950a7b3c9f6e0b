using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Protocol.Generator.Emit;

/// <summary>Writes the methods that encode.</summary>
internal static class WriteEmitter
{
    public static void EmitMethod(CodeWriter code, MessageSchema message, StructSchema owner, bool isRoot)
    {
        code.Line(isRoot ? "/// <inheritdoc/>" : "/// <summary>Writes the fields of one version.</summary>");
        code.Open($"{(isRoot ? "public" : "internal")} void Write(ref KafkaWriter writer, short version)");
        if (isRoot)
        {
            code.Open($"if ({CSharpTypes.Outside(message.Versions)})");
            code.Line($"KafkaWriter.ThrowUnsupportedVersion(nameof({message.Name}), version);");
            code.Close();
            code.Line();
            var flexible = message.Flexible.IsEmpty ? "false"
                : message.Flexible.Low <= message.Versions.Low ? "true" : $"version >= {message.Flexible.Low}";
            code.Line($"writer.Flexible = {flexible};");
        }

        Fields.EmitGrouped(code, owner, field => EmitField(code, message, field));
        EmitTags(code, message, owner);
        code.Close();
        EmitTagMethods(code, message, owner);
    }

    public static void EmitListMethod(CodeWriter code, StructSchema item)
    {
        code.Line("/// <summary>Writes an array; null counts as empty.</summary>");
        code.Open($"internal static void WriteList(ref KafkaWriter writer, List<{item.Name}>? items, short version)");
        code.Line("writer.WriteArrayLength(items is null ? 0 : items.Count);");
        code.Open("foreach (var item in CollectionsMarshal.AsSpan(items))");
        code.Line("item.Write(ref writer, version);");
        code.Close();
        code.Close();
        if (!item.IsNullableElement)
        {
            return;
        }

        code.Line();
        code.Line("/// <summary>Writes an array that may be null.</summary>");
        code.Open(
            $"internal static void WriteNullableList(ref KafkaWriter writer, List<{item.Name}>? items, short version)");
        code.Open("if (items is null)");
        code.Line("writer.WriteArrayLength(-1);");
        code.Line("return;");
        code.Close();
        code.Line();
        code.Line("WriteList(ref writer, items, version);");
        code.Close();
    }

    /// <summary>Emits the question whether a struct says more than a fresh one.</summary>
    public static void EmitComparison(CodeWriter code, StructSchema item)
    {
        var differences = item.Fields.ConvertAll(DiffersFromDefault);
        code.Line("/// <summary>Whether some field differs from its default.</summary>");
        code.Line($"internal bool HasContent => {string.Join(" || ", differences)};");
    }

    private static void EmitField(CodeWriter code, MessageSchema message, FieldSchema field)
    {
        if (!field.IsNullable)
        {
            EmitPresent(code, message, field);
            return;
        }

        var condition = CSharpTypes.Condition(field.Nullable, field.Versions);
        if (condition is not null)
        {
            code.Open($"if ({condition})");
        }

        EmitNullable(code, message, field);
        if (condition is not null)
        {
            code.Close();
            code.Open("else");
            if (field.Kind != FieldKind.Records || field.IsArray)
            {
                code.Line($"KafkaWriter.ThrowIfNull({field.Name}, nameof({field.Name}), version);");
            }

            EmitPresent(code, message, field);
            code.Close();
        }
    }

    private static void EmitPresent(CodeWriter code, MessageSchema message, FieldSchema field)
    {
        var source = CSharpTypes.IsLazyList(field) ? CSharpTypes.BackingField(field) : field.Name;
        if (field.Kind == FieldKind.Struct)
        {
            code.Line(field.IsArray
                ? $"{message.Name}.{field.StructName}.WriteList(ref writer, {source}, version);"
                : $"{source}{(field.IsTagged ? "!" : "")}.Write(ref writer, version);");
        }
        else
        {
            code.Line($"writer.Write{CSharpTypes.Method(field.Kind)}{(field.IsArray ? "List" : "")}({source});");
        }
    }

    private static void EmitNullable(CodeWriter code, MessageSchema message, FieldSchema field)
    {
        if (field.Kind != FieldKind.Struct)
        {
            var list = field.IsArray ? "List" : "";
            code.Line($"writer.WriteNullable{CSharpTypes.Method(field.Kind)}{list}({field.Name});");
        }
        else if (field.IsArray)
        {
            code.Line($"{message.Name}.{field.StructName}.WriteNullableList(ref writer, {field.Name}, version);");
        }
        else
        {
            // In a tag the mark is an unsigned varint, elsewhere one byte.
            var mark = field.IsTagged ? "WriteTaggedPresence" : "WritePresence";
            code.Line($"writer.{mark}({field.Name} is not null);");
            code.Line($"{field.Name}?.Write(ref writer, version);");
        }
    }

    private static void EmitTags(CodeWriter code, MessageSchema message, StructSchema owner)
    {
        var flexible = message.Flexible.Intersect(owner.Versions);
        if (flexible.IsEmpty)
        {
            return;
        }

        var tagged = Fields.Tagged(owner);
        if (tagged.Count == 0)
        {
            code.Line("writer.WriteNoTags();");
            return;
        }

        var isConditional = CSharpTypes.Condition(flexible, owner.Versions) is not null;
        if (isConditional)
        {
            code.Open("if (writer.Flexible)");
        }

        foreach (var field in tagged)
        {
            var condition = CSharpTypes.Condition(field.Versions, flexible);
            var isThere = condition is null ? "" : condition + " && ";
            code.Line($"var tag{field.Tag} = {isThere}{DiffersFromDefault(field)};");
        }

        var count = tagged.Count == 1
            ? $"tag{tagged[0].Tag} ? 1 : 0"
            : string.Join(" + ", tagged.ConvertAll(field => $"(tag{field.Tag} ? 1 : 0)"));
        code.Line($"writer.WriteTagCount({count});");
        foreach (var field in tagged)
        {
            code.Open($"if (tag{field.Tag})");
            EmitTag(code, message, field);
            code.Close();
        }

        if (isConditional)
        {
            code.Close();
        }
    }

    private static void EmitTag(CodeWriter code, MessageSchema message, FieldSchema field)
    {
        if (HasFixedSize(field))
        {
            code.Line($"writer.WriteTag({field.Tag}, {TypeNames.FixedSize(field.Kind)});");
            EmitField(code, message, field);
            return;
        }

        code.Line($"WriteTag{field.Tag}(ref writer, version);");
    }

    private static void EmitTagMethods(CodeWriter code, MessageSchema message, StructSchema owner)
    {
        foreach (var field in Fields.Tagged(owner).FindAll(field => !HasFixedSize(field)))
        {
            // The size goes in front: the value is written once to be measured and once in earnest.
            code.Line();
            code.Open($"private void WriteTag{field.Tag}(ref KafkaWriter writer, short version)");
            code.Line("var measuring = KafkaWriter.Measuring(stackalloc byte[KafkaWriter.MeasuringScratch]);");
            code.Line($"WriteTagged{field.Name}(ref measuring, version);");
            code.Line($"writer.WriteTag({field.Tag}, (int)measuring.Written);");
            code.Line($"WriteTagged{field.Name}(ref writer, version);");
            code.Close();
            code.Line();
            code.Open($"private void WriteTagged{field.Name}(ref KafkaWriter writer, short version)");
            EmitField(code, message, field);
            code.Close();
        }
    }

    private static bool HasFixedSize(FieldSchema field) => !field.IsArray && TypeNames.FixedSize(field.Kind) > 0;

    private static string DiffersFromDefault(FieldSchema field)
    {
        if (CSharpTypes.IsLazyList(field))
        {
            return $"{CSharpTypes.BackingField(field)} is {{ Count: > 0 }}";
        }

        if (field.IsNullable)
        {
            if (field.Kind == FieldKind.Struct && field.DefaultsToEmpty && !field.IsArray)
            {
                return $"{field.Name} is not {{ HasContent: false }}";
            }

            var empty = field.IsArray ? "{ Count: 0 }" : "{ Length: 0 }";
            return field.DefaultsToEmpty ? $"{field.Name} is not {empty}" : $"{field.Name} is not null";
        }

        return field.Kind switch
        {
            FieldKind.Struct => $"{field.Name} is not null",
            FieldKind.String or FieldKind.Bytes => $"{field.Name}.Length > 0",
            FieldKind.Records => $"!{field.Name}.IsNull && {field.Name}.Length > 0",
            FieldKind.Uuid => $"{field.Name} != KafkaUuid.Zero",
            FieldKind.Bool => field.Default == "true" ? $"!{field.Name}" : field.Name,
            FieldKind.Error => $"{field.Name} != ErrorCode.None",
            _ => $"{field.Name} != {field.Default ?? "0"}",
        };
    }
}
