using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>
/// Writes a pattern of RE2 in the syntax of .NET, and refuses what only .NET knows. What neither knows is left to .NET
/// to refuse.
/// </summary>
internal ref struct Re2Translation
{
    private const int RepetitionMax = 1000;

    private static readonly Dictionary<string, string> PosixClasses = new(StringComparer.Ordinal)
    {
        ["alnum"] = "0-9A-Za-z",
        ["alpha"] = "A-Za-z",
        ["ascii"] = @"\x00-\x7F",
        ["blank"] = @"\t ",
        ["cntrl"] = @"\x00-\x1F\x7F",
        ["digit"] = "0-9",
        ["graph"] = "!-~",
        ["lower"] = "a-z",
        ["print"] = " -~",
        ["punct"] = @"!-/:-@\[-`{-~",
        ["space"] = @"\t\n\v\f\r ",
        ["upper"] = "A-Z",
        ["word"] = "0-9A-Za-z_",
        ["xdigit"] = "0-9A-Fa-f",
    };

    private readonly ReadOnlySpan<char> _text;
    private readonly StringBuilder _output = new();
    private int _at;
    private string? _problem;

    private Re2Translation(string text) => _text = text;

    /// <summary>Translates; false, with the reason, for what RE2 does not know.</summary>
    public static bool TryTranslate(string text, out string translated, out string problem)
    {
        var translation = new Re2Translation(text);
        translation.Run();
        translated = translation._output.ToString();
        problem = translation._problem ?? "";
        return translation._problem is null;
    }

    private void Run()
    {
        while (_at < _text.Length && _problem is null)
        {
            switch (_text[_at])
            {
                case '\\':
                    Escape(isInClass: false);
                    break;
                case '[':
                    Class();
                    break;
                case '(':
                    Group();
                    break;
                case '{':
                    Repetition();
                    break;
                default:
                    _output.Append(_text[_at++]);
                    break;
            }
        }
    }

    private void Escape(bool isInClass)
    {
        ReadOnlySpan<char> rest = _text[(_at + 1)..];
        if (rest.IsEmpty)
        {
            _problem = "trailing \\";
            return;
        }

        char next = rest[0];
        switch (next)
        {
            case 'Q' when !isInClass:
                Quote();
                break;
            case 'p' or 'P' when rest.Length > 1 && rest[1] != '{':
                _output.Append('\\').Append(next).Append('{').Append(rest[1]).Append('}');
                _at += 3;
                break;
            case 'x' when rest.Length > 1 && rest[1] == '{':
                CodePoint();
                break;
            case '0' or 'A' or 'B' or 'D' or 'P' or 'S' or 'W' or 'a' or 'b' or 'd' or 'f' or 'n' or 'p' or 'r' or 's'
                or 't' or 'v' or 'w' or 'x' or 'z':
            case var _ when !char.IsAsciiLetterOrDigit(next):
                _output.Append('\\').Append(next);
                _at += 2;
                break;
            default:
                _problem = $"invalid escape sequence: \\{next}";
                break;
        }
    }

    /// <summary>\Q...\E: everything in between is meant as it stands.</summary>
    private void Quote()
    {
        ReadOnlySpan<char> quoted = _text[(_at + 2)..];
        int end = quoted.IndexOf(@"\E");
        _output.Append(Regex.Escape((end < 0 ? quoted : quoted[..end]).ToString()).Replace("]", @"\]").Replace("}", @"\}"));
        _at = end < 0 ? _text.Length : _at + 2 + end + 2;
    }

    private void CodePoint()
    {
        ReadOnlySpan<char> digits = _text[(_at + 3)..];
        int end = digits.IndexOf('}');
        if (end < 1 ||
            !int.TryParse(digits[..end], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) ||
            value > char.MaxValue)
        {
            _problem = @"invalid escape sequence: \x{";
            return;
        }

        _output.Append(@"\u").Append(value.ToString("X4", CultureInfo.InvariantCulture));
        _at += 3 + end + 1;
    }

    private void Class()
    {
        _output.Append('[');
        _at++;
        if (_at < _text.Length && _text[_at] == '^')
        {
            _output.Append('^');
            _at++;
        }

        bool isFirst = true;
        while (_at < _text.Length && _problem is null)
        {
            char next = _text[_at];
            if (next == ']' && !isFirst)
            {
                _output.Append(']');
                _at++;
                return;
            }

            isFirst = false;
            if (next == '\\')
            {
                Escape(isInClass: true);
            }
            else if (next == '[' && _at + 1 < _text.Length && _text[_at + 1] == ':')
            {
                PosixClass();
            }
            else
            {
                // .NET would take a bracket behind a dash for a class to subtract.
                _output.Append(next is '[' or ']' ? $@"\{next}" : next);
                _at++;
            }
        }

        _problem ??= "missing closing ]";
    }

    private void PosixClass()
    {
        ReadOnlySpan<char> name = _text[(_at + 2)..];
        int end = name.IndexOf(":]");
        if (end < 0 || !PosixClasses.TryGetValue(name[..end].ToString(), out string? ranges))
        {
            _problem = "invalid character class range";
            return;
        }

        _output.Append(ranges);
        _at += 2 + end + 2;
    }

    /// <summary>Groups may be named, and may set the flags i, m, s and U; the last changes only what is captured.</summary>
    private void Group()
    {
        _output.Append('(');
        _at++;
        if (_at >= _text.Length || _text[_at] != '?')
        {
            return;
        }

        ReadOnlySpan<char> rest = _text[(_at + 1)..];
        int name = rest.StartsWith("P<") ? 2 : rest.StartsWith("<") ? 1 : 0;
        int end = name > 0 ? rest.IndexOf('>') : rest.IndexOfAnyExcept("imsU-");
        bool isNamed = name > 0 && end > name &&
            rest[name..end].IndexOfAnyExceptInRange('0', 'z') < 0 && !rest[name..end].ContainsAny(":;<=>?@[\\]^`");
        bool hasFlags = name == 0 && end >= 0 && rest[end] is ':' or ')';
        if (!isNamed && !hasFlags)
        {
            _problem = "invalid or unsupported Perl syntax: (?";
            return;
        }

        // Nothing is captured, so a name says nothing.
        string flags = isNamed ? "" : rest[..end].ToString().Replace("U", "");
        bool isClosed = !isNamed && rest[end] == ')';
        _output.Append('?').Append(flags).Append(isClosed && flags.Length > 0 ? ")" : isClosed ? ":)" : ":");
        _at += 1 + end + 1;
    }

    private void Repetition()
    {
        ReadOnlySpan<char> rest = _text[_at..];
        int end = rest.IndexOf('}');
        if (end > 0 && rest[1..end].IndexOfAnyExcept("0123456789,") < 0)
        {
            foreach (Range part in rest[1..end].Split(','))
            {
                ReadOnlySpan<char> count = rest[1..end][part];
                if (!count.IsEmpty && (!int.TryParse(count, out int number) || number > RepetitionMax))
                {
                    _problem = "invalid repeat count";
                    return;
                }
            }
        }

        _output.Append('{');
        _at++;
    }
}
