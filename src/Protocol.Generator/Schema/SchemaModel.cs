namespace Orleans.Kafka.Protocol.Generator.Schema;

/// <summary>What a field holds; the names are those of the schema language.</summary>
public enum FieldKind
{
    /// <summary>Signed, 1 byte.</summary>
    Int8,

    /// <summary>Signed, 2 bytes.</summary>
    Int16,

    /// <summary>Unsigned, 2 bytes.</summary>
    UInt16,

    /// <summary>Signed, 4 bytes.</summary>
    Int32,

    /// <summary>Unsigned, 4 bytes.</summary>
    UInt32,

    /// <summary>Signed, 8 bytes.</summary>
    Int64,

    /// <summary>IEEE 754, 8 bytes.</summary>
    Float64,

    /// <summary>One byte, 0 is false.</summary>
    Bool,

    /// <summary>An error code, 2 bytes.</summary>
    Error,

    /// <summary>16 bytes.</summary>
    Uuid,

    /// <summary>UTF-8 with its length.</summary>
    String,

    /// <summary>Bytes with their length.</summary>
    Bytes,

    /// <summary>Record batches with their length.</summary>
    Records,

    /// <summary>A struct of the same message.</summary>
    Struct,
}

/// <summary>What a message is for.</summary>
public enum MessageKind
{
    /// <summary>The request of an API.</summary>
    Request,

    /// <summary>The response of an API.</summary>
    Response,

    /// <summary>The key of a coordinator record.</summary>
    RecordKey,

    /// <summary>The value of a coordinator record.</summary>
    RecordValue,

    /// <summary>Anything else.</summary>
    Plain,
}

/// <summary>One field of a message or struct.</summary>
public sealed class FieldSchema
{
    /// <summary>Creates the field <paramref name="name"/> declared on <paramref name="line"/> (from 0).</summary>
    public FieldSchema(string name, int line)
    {
        Name = name;
        Line = line;
    }

    /// <summary>Name in PascalCase.</summary>
    public string Name { get; }

    /// <summary>Line of the declaration, from 0.</summary>
    public int Line { get; }

    /// <summary>Type of the value, or of an element when <see cref="IsArray"/>.</summary>
    public FieldKind Kind { get; set; }

    /// <summary>Name of the struct when <see cref="Kind"/> is a struct.</summary>
    public string StructName { get; set; } = "";

    /// <summary>The struct when <see cref="Kind"/> is a struct; set once names are resolved.</summary>
    public StructSchema? Struct { get; set; }

    /// <summary>Whether the field is an array.</summary>
    public bool IsArray { get; set; }

    /// <summary>Versions that carry the field.</summary>
    public VersionRange Versions { get; set; } = VersionRange.All;

    /// <summary>Versions in which the field may be null.</summary>
    public VersionRange Nullable { get; set; } = VersionRange.None;

    /// <summary>Tag of a tagged field, or -1.</summary>
    public int Tag { get; set; } = -1;

    /// <summary>Default as written in the schema, or null: zero, empty, or null where the field may be null.</summary>
    public string? Default { get; set; }

    /// <summary>Whether the field is tagged.</summary>
    public bool IsTagged => Tag >= 0;

    /// <summary>Whether the field may be null in some version.</summary>
    public bool IsNullable => !Nullable.IsEmpty;

    /// <summary>Whether a nullable field begins empty, and not null.</summary>
    public bool DefaultsToEmpty => Default == "empty";
}

/// <summary>A sequence of fields: a message's own, or a struct inside it.</summary>
public sealed class StructSchema
{
    /// <summary>Creates the struct <paramref name="name"/> declared on <paramref name="line"/> (from 0).</summary>
    public StructSchema(string name, int line)
    {
        Name = name;
        Line = line;
    }

    /// <summary>Name in PascalCase.</summary>
    public string Name { get; }

    /// <summary>Line of the declaration, from 0.</summary>
    public int Line { get; }

    /// <summary>Fields in the order of the wire.</summary>
    public List<FieldSchema> Fields { get; } = new();

    /// <summary>Versions in which the struct occurs.</summary>
    public VersionRange Versions { get; set; } = VersionRange.None;

    /// <summary>Whether some array has it as element.</summary>
    public bool IsElement { get; set; }

    /// <summary>Whether some field compares it with a fresh one.</summary>
    public bool IsCompared { get; set; }

    /// <summary>Whether some array that may be null has it as element.</summary>
    public bool IsNullableElement { get; set; }
}

/// <summary>A request, a response or a record.</summary>
public sealed class MessageSchema
{
    /// <summary>Creates the message <paramref name="name"/>, its section at <paramref name="line"/> (from 0).</summary>
    public MessageSchema(string name, MessageKind kind, int line)
    {
        Name = name;
        Kind = kind;
        Root = new StructSchema(name, line);
    }

    /// <summary>Name of the class.</summary>
    public string Name { get; }

    /// <summary>What it is for.</summary>
    public MessageKind Kind { get; }

    /// <summary>The message's own fields.</summary>
    public StructSchema Root { get; }

    /// <summary>All structs inside it, however deep.</summary>
    public List<StructSchema> Structs { get; } = new();

    /// <summary>Versions that are declared.</summary>
    public VersionRange Versions { get; set; }

    /// <summary>Versions in the flexible encoding of KIP-482.</summary>
    public VersionRange Flexible { get; set; } = VersionRange.None;

    /// <summary>API key, or record type, or -1.</summary>
    public int Key { get; set; } = -1;

    /// <summary>What the schema says about it, one line.</summary>
    public string Summary { get; set; } = "";
}

/// <summary>What the catalog says about an API.</summary>
public sealed class ApiSchema
{
    /// <summary>Creates the API <paramref name="name"/> declared on <paramref name="line"/> (from 0).</summary>
    public ApiSchema(string name, int line)
    {
        Name = name;
        Line = line;
    }

    /// <summary>Name without Request or Response.</summary>
    public string Name { get; }

    /// <summary>Line of the declaration, from 0.</summary>
    public int Line { get; }

    /// <summary>API key.</summary>
    public int Key { get; set; } = -1;

    /// <summary>Versions that are declared.</summary>
    public VersionRange Versions { get; set; }

    /// <summary>Versions for clients; empty when there are none yet.</summary>
    public VersionRange Stable { get; set; }

    /// <summary>Versions in the flexible encoding of KIP-482.</summary>
    public VersionRange Flexible { get; set; }

    /// <summary>Lowest version named to clients.</summary>
    public int AdvertisedMin { get; set; }

    /// <summary>Whether brokers answer it.</summary>
    public bool OnBroker { get; set; }

    /// <summary>Whether controllers answer it.</summary>
    public bool OnController { get; set; }
}

/// <summary>A fault in a schema file.</summary>
public sealed class SchemaError
{
    /// <summary>Creates the error <paramref name="message"/> at <paramref name="line"/> (from 0).</summary>
    public SchemaError(int line, string message)
    {
        Line = line;
        Message = message;
    }

    /// <summary>Line of the fault, from 0.</summary>
    public int Line { get; }

    /// <summary>What is wrong.</summary>
    public string Message { get; }
}

/// <summary>All that one schema file declares.</summary>
public sealed class SchemaFile
{
    /// <summary>The API, if the file declares one.</summary>
    public ApiSchema? Api { get; set; }

    /// <summary>The messages in the order of the file.</summary>
    public List<MessageSchema> Messages { get; } = new();

    /// <summary>What is wrong with the file.</summary>
    public List<SchemaError> Errors { get; } = new();
}
