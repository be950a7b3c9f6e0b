using Orleans.Kafka.Protocol.Generator.Schema;

namespace Orleans.Kafka.Protocol.Generator.Emit;

/// <summary>Walks the fields of a struct.</summary>
internal static class Fields
{
    /// <summary>Emits untagged fields in order; neighbours under the same condition share one <c>if</c>.</summary>
    public static void EmitGrouped(CodeWriter code, StructSchema owner, Action<FieldSchema> emit)
    {
        string? open = null;
        foreach (var field in owner.Fields)
        {
            if (field.IsTagged)
            {
                continue;
            }

            var condition = CSharpTypes.Condition(field.Versions, owner.Versions);
            if (condition != open)
            {
                if (open is not null)
                {
                    code.Close();
                }

                if (condition is not null)
                {
                    code.Open($"if ({condition})");
                }

                open = condition;
            }

            emit(field);
        }

        if (open is not null)
        {
            code.Close();
        }
    }

    /// <summary>The tagged fields by ascending tag, as they go over the wire.</summary>
    public static List<FieldSchema> Tagged(StructSchema owner)
    {
        var tagged = owner.Fields.FindAll(field => field.IsTagged);
        tagged.Sort((left, right) => left.Tag.CompareTo(right.Tag));
        return tagged;
    }
}
