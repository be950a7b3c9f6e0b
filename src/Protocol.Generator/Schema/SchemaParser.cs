namespace Orleans.Kafka.Protocol.Generator.Schema;

/// <summary>
/// Reads a schema file. The language is described in <c>src/Protocol/Schemas/README.md</c>. A file with errors gives
/// what could be read together with the errors; nothing is thrown.
/// </summary>
public sealed class SchemaParser
{
    private const int Indent = 4;
    private readonly SchemaFile _file = new();
    private readonly List<StructSchema> _open = new();
    private readonly List<(MessageSchema Message, StructSchema Item)> _inline = new();
    private MessageHeader _header = new();
    private MessageSchema? _message;

    private SchemaParser()
    {
    }

    /// <summary>Reads <paramref name="text"/>.</summary>
    public static SchemaFile Parse(string text)
    {
        var parser = new SchemaParser();
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            parser.ReadLine(lines[i].TrimEnd(), i);
        }

        parser.EndHeader(lines.Length - 1);
        SchemaResolver.Resolve(parser._file);
        return parser._file;
    }

    private void ReadLine(string raw, int line)
    {
        var hash = raw.IndexOf('#');
        var text = (hash < 0 ? raw : raw.Substring(0, hash)).TrimEnd();
        if (text.Length == 0)
        {
            if (hash == 0 && _message is null && _header.Name is null && _header.Summary.Length == 0)
            {
                _header.Summary = raw.Substring(1).Trim();
            }

            return;
        }

        var words = text.TrimStart(' ');
        var depth = text.Length - words.Length;
        if (depth % Indent != 0 || words[0] == '\t')
        {
            Error(line, $"lines are indented by a multiple of {Indent} spaces");
        }
        else if (depth == 0)
        {
            ReadStatement(words, line);
        }
        else if (_message is null)
        {
            Error(line, "a field outside of request, response, key, value or fields");
        }
        else
        {
            ReadField(words, depth / Indent, line);
        }
    }

    private void ReadStatement(string text, int line)
    {
        var space = text.IndexOf(' ');
        var word = space < 0 ? text : text.Substring(0, space);
        var rest = space < 0 ? "" : text.Substring(space + 1).Trim();
        switch (word)
        {
            case "api" or "record" or "message":
                EndHeader(line - 1);
                _header = new MessageHeader { What = word, Name = rest, Line = line, Summary = _header.TakeSummary() };
                if (!FieldLine.IsName(rest))
                {
                    Error(line, $"'{rest}' is no name for {word}");
                }

                break;
            case "request" or "response" or "key" or "value" or "fields" when rest.Length == 0:
                BeginSection(word, line);
                break;
            default:
                if (_header.Read(word, rest) is { } wrong)
                {
                    Error(line, wrong);
                }

                break;
        }
    }

    private void BeginSection(string word, int line)
    {
        var (kind, suffix, owner) = word switch
        {
            "request" => (MessageKind.Request, "Request", "api"),
            "response" => (MessageKind.Response, "Response", "api"),
            "key" => (MessageKind.RecordKey, "Key", "record"),
            "value" => (MessageKind.RecordValue, "Value", "record"),
            _ => (MessageKind.Plain, "", "message"),
        };
        _open.Clear();
        _message = null;
        if (_header.What != owner)
        {
            Error(line, $"'{word}' belongs to '{owner} Name'");
            return;
        }

        if (_header.Missing() is { } missing)
        {
            Error(_header.Line, missing);
            return;
        }

        // The key of a coordinator record begins with its type where others have their version: it has one version.
        var isKey = kind == MessageKind.RecordKey;
        _message = new MessageSchema(_header.Name + suffix, kind, line)
        {
            Versions = isKey ? new VersionRange(0, 0) : _header.Versions,
            Flexible = isKey ? VersionRange.None : _header.Flexible.Intersect(_header.Versions),
            Key = _header.What == "record" ? _header.Type : _header.Key,
            Summary = _header.Summary,
        };
        _message.Root.Versions = _message.Versions;
        _file.Messages.Add(_message);
        _header.Sections++;
        _open.Add(_message.Root);
    }

    private void ReadField(string text, int depth, int line)
    {
        if (text.StartsWith("struct ", StringComparison.Ordinal))
        {
            var name = text.Substring("struct ".Length).Trim();
            if (depth != 1 || !FieldLine.IsName(name))
            {
                Error(line, "a shared struct is declared as '    struct Name' directly inside a section");
                return;
            }

            Open(new StructSchema(name, line), depth);
            return;
        }

        if (depth > _open.Count || _open.Count == 0)
        {
            Error(line, "indented deeper than the struct it is in");
            return;
        }

        _open.RemoveRange(depth, _open.Count - depth);
        var field = FieldLine.Parse(text, line, VersionRange.All, _file.Errors);
        if (field is null)
        {
            return;
        }

        _open[depth - 1].Fields.Add(field);
        if (field.Kind == FieldKind.Struct)
        {
            // Fields below, if any, declare the struct in place.
            Open(new StructSchema(field.StructName, line), depth, isInline: true);
        }
    }

    private void Open(StructSchema item, int depth, bool isInline = false)
    {
        _open.RemoveRange(depth, _open.Count - depth);
        _open.Add(item);
        if (isInline)
        {
            _inline.Add((_message!, item));
        }
        else
        {
            _message!.Structs.Add(item);
        }
    }

    private void EndHeader(int line)
    {
        foreach (var (message, item) in _inline)
        {
            if (item.Fields.Count > 0)
            {
                message.Structs.Add(item);
            }
        }

        _inline.Clear();
        _open.Clear();
        _message = null;
        if (_header.Name is null)
        {
            if (_header.Line >= 0)
            {
                Error(_header.Line, "the file declares no api, record or message");
            }

            return;
        }

        var expected = _header.What == "message" ? 1 : 2;
        if (_header.Sections != expected)
        {
            var sections = _header.What switch
            {
                "api" => "request, response",
                "record" => "key, value",
                _ => "fields",
            };
            Error(line, $"{_header.What} {_header.Name} must have exactly one section of each: {sections}");
        }

        if (_header.What == "api")
        {
            _file.Api = _header.ToApi();
        }

        _header = new MessageHeader();
    }

    private void Error(int line, string message) => _file.Errors.Add(new SchemaError(line, message));
}
