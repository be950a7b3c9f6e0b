using System.Text;

namespace Orleans.Kafka.Protocol.Generator.Emit;

/// <summary>Collects indented lines of C#.</summary>
internal sealed class CodeWriter
{
    private readonly StringBuilder _text = new();
    private int _depth;
    private bool _afterClose;

    public void Line(string text = "")
    {
        // A blank line behind a block, unless the next line belongs to it or closes its parent.
        if (_afterClose && text.Length > 0 && text[0] != '}' && text != "else")
        {
            _text.Append('\n');
        }

        _afterClose = false;
        if (text.Length > 0)
        {
            _text.Append(' ', _depth * 4).Append(text);
        }

        _text.Append('\n');
    }

    public void Open(string text)
    {
        Line(text);
        Line("{");
        _depth++;
    }

    public void Close(string after = "")
    {
        _depth--;
        Line("}" + after);
        _afterClose = true;
    }

    public override string ToString() => _text.ToString();
}
