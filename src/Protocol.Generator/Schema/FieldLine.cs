using System.Globalization;

namespace Orleans.Kafka.Protocol.Generator.Schema;

/// <summary>Reads one field line: <c>Name: type @versions tag N = default</c>.</summary>
internal static class FieldLine
{
    public static FieldSchema? Parse(string text, int line, VersionRange messageVersions, List<SchemaError> errors)
    {
        var colon = text.IndexOf(':');
        var name = colon < 0 ? text : text.Substring(0, colon).TrimEnd();
        if (colon < 0 || !IsName(name))
        {
            errors.Add(new SchemaError(line, $"expected 'Name: type', found '{text}'"));
            return null;
        }

        var words = text.Substring(colon + 1).Split(new[] { ' ' }, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
        {
            errors.Add(new SchemaError(line, $"field {name} has no type"));
            return null;
        }

        var field = new FieldSchema(name, line);
        if (ReadType(words[0], field, messageVersions) is { } wrongType)
        {
            errors.Add(new SchemaError(line, $"field {name}: {wrongType}"));
            return null;
        }

        if (ReadModifiers(words, field) is { } wrong)
        {
            errors.Add(new SchemaError(line, $"field {name}: {wrong}"));
            return null;
        }

        return field;
    }

    public static bool IsName(string text)
    {
        if (text.Length == 0 || text[0] is < 'A' or > 'Z')
        {
            return false;
        }

        foreach (var letter in text)
        {
            if (letter is not ((>= 'A' and <= 'Z') or (>= 'a' and <= 'z') or (>= '0' and <= '9')))
            {
                return false;
            }
        }

        return true;
    }

    private static string? ReadType(string word, FieldSchema field, VersionRange messageVersions)
    {
        var type = word;
        if (type.StartsWith("[]", StringComparison.Ordinal))
        {
            field.IsArray = true;
            type = type.Substring(2);
        }

        var mark = type.IndexOf('?');
        if (mark >= 0)
        {
            var range = type.Substring(mark + 1);
            type = type.Substring(0, mark);
            var nullable = messageVersions;
            if (range.Length > 0 && (range[0] != '[' || range[range.Length - 1] != ']'
                || !VersionRange.TryParse(range.Substring(1, range.Length - 2), out nullable)))
            {
                return $"'{range}' is no version range; write ?[3+] or ?[3-7]";
            }

            field.Nullable = nullable;
        }

        if (TypeNames.TryGetKind(type, out var kind))
        {
            field.Kind = kind;
        }
        else if (IsName(type))
        {
            field.Kind = FieldKind.Struct;
            field.StructName = type;
        }
        else
        {
            return $"unknown type '{type}'";
        }

        var canBeNull = field.IsArray
            || field.Kind is FieldKind.String or FieldKind.Bytes or FieldKind.Records or FieldKind.Struct;
        return field.IsNullable && !canBeNull ? $"{type} cannot be null" : null;
    }

    private static string? ReadModifiers(string[] words, FieldSchema field)
    {
        for (var i = 1; i < words.Length; i++)
        {
            var word = words[i];
            var next = i + 1 < words.Length ? words[i + 1] : "";
            if (word[0] == '@')
            {
                if (!VersionRange.TryParse(word.Substring(1), out var versions) || versions.IsEmpty)
                {
                    return $"'{word}' is no version range; write @3, @3+ or @3-7";
                }

                field.Versions = versions;
            }
            else if (word == "tag")
            {
                if (!int.TryParse(next, NumberStyles.None, CultureInfo.InvariantCulture, out var tag))
                {
                    return $"'{next}' is no tag number";
                }

                field.Tag = tag;
                i++;
            }
            else if (word == "=")
            {
                if (!TypeNames.IsDefault(field, next))
                {
                    return $"'{next}' is no default for this type";
                }

                field.Default = next;
                i++;
            }
            else
            {
                return $"'{word}' is neither @versions, nor tag N, nor = default";
            }
        }

        return null;
    }
}
