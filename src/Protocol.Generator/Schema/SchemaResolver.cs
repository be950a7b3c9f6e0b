namespace Orleans.Kafka.Protocol.Generator.Schema;

/// <summary>
/// Finds the struct behind each name, narrows version ranges, and checks what a single line cannot show.
/// </summary>
internal static class SchemaResolver
{
    private const int MaxDepth = 16;

    public static void Resolve(SchemaFile file)
    {
        foreach (var message in file.Messages)
        {
            var structs = new Dictionary<string, StructSchema>(StringComparer.Ordinal);
            foreach (var item in message.Structs)
            {
                if (structs.ContainsKey(item.Name))
                {
                    file.Errors.Add(new SchemaError(
                        item.Line, $"struct {item.Name} is declared twice in {message.Name}"));
                }

                structs[item.Name] = item;
            }

            CheckNames(file, message, structs);
            Bind(file, message.Root, structs);
            foreach (var item in message.Structs)
            {
                Bind(file, item, structs);
            }

            if (file.Errors.Count == 0)
            {
                Narrow(file, message, message.Root, message.Versions, 0);
                FillRanges(file, message);
            }
        }
    }

    private static void Bind(SchemaFile file, StructSchema owner, Dictionary<string, StructSchema> structs)
    {
        foreach (var field in owner.Fields)
        {
            if (field.Kind != FieldKind.Struct)
            {
                continue;
            }

            if (!structs.TryGetValue(field.StructName, out var target))
            {
                file.Errors.Add(new SchemaError(field.Line, $"unknown type '{field.StructName}'"));
                continue;
            }

            field.Struct = target;
            target.IsElement |= field.IsArray;
            target.IsCompared |= !field.IsArray && field.DefaultsToEmpty;
            target.IsNullableElement |= field.IsArray && field.IsNullable;
        }
    }

    private static void CheckNames(SchemaFile file, MessageSchema message, Dictionary<string, StructSchema> structs)
    {
        foreach (var field in message.Root.Fields)
        {
            if (structs.ContainsKey(field.Name) || field.Name == message.Name)
            {
                file.Errors.Add(new SchemaError(
                    field.Line, $"field {field.Name} of {message.Name} has the name of a struct or of the message"));
            }
        }

        CheckFields(file, message, message.Root);
        foreach (var item in message.Structs)
        {
            CheckFields(file, message, item);
        }
    }

    private static void CheckFields(SchemaFile file, MessageSchema message, StructSchema owner)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var tags = new HashSet<int>();
        foreach (var field in owner.Fields)
        {
            if (!names.Add(field.Name))
            {
                file.Errors.Add(new SchemaError(field.Line, $"{owner.Name} has two fields named {field.Name}"));
            }

            if (field.Name == owner.Name)
            {
                file.Errors.Add(new SchemaError(field.Line, $"field {field.Name} has the name of its struct"));
            }

            if (field.IsTagged && !tags.Add(field.Tag))
            {
                file.Errors.Add(new SchemaError(field.Line, $"{owner.Name} has two fields with tag {field.Tag}"));
            }

            if (field.IsTagged && message.Flexible.IsEmpty)
            {
                file.Errors.Add(new SchemaError(field.Line, $"tag in {message.Name}, which has no flexible version"));
            }
        }
    }

    /// <summary>Finds the versions in which each struct occurs, from the root down.</summary>
    private static void Narrow(
        SchemaFile file, MessageSchema message, StructSchema owner, VersionRange versions, int depth)
    {
        if (depth > MaxDepth)
        {
            file.Errors.Add(new SchemaError(owner.Line, $"struct {owner.Name} contains itself"));
            return;
        }

        owner.Versions = owner.Versions.Hull(versions);
        foreach (var field in owner.Fields)
        {
            if (field.Struct is { } target && file.Errors.Count == 0)
            {
                Narrow(file, message, target, VersionsOf(message, field, versions), depth + 1);
            }
        }
    }

    private static void FillRanges(SchemaFile file, MessageSchema message)
    {
        FillRanges(file, message, message.Root);
        foreach (var item in message.Structs)
        {
            if (item.Versions.IsEmpty)
            {
                file.Errors.Add(new SchemaError(item.Line, $"struct {item.Name} is not used"));
                continue;
            }

            FillRanges(file, message, item);
        }
    }

    private static void FillRanges(SchemaFile file, MessageSchema message, StructSchema owner)
    {
        foreach (var field in owner.Fields)
        {
            var versions = VersionsOf(message, field, owner.Versions);
            if (versions.IsEmpty)
            {
                file.Errors.Add(new SchemaError(
                    field.Line, $"field {field.Name} is in no version of {owner.Name} ({owner.Versions})"));
            }

            field.Versions = versions;
            if (field.IsNullable)
            {
                field.Nullable = field.Nullable.Intersect(versions);
            }
        }
    }

    private static VersionRange VersionsOf(MessageSchema message, FieldSchema field, VersionRange owner)
    {
        var versions = field.Versions.Intersect(owner);
        return field.IsTagged ? versions.Intersect(message.Flexible) : versions;
    }
}
