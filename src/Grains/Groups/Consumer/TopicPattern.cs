using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>
/// A pattern of topic names in the syntax of RE2, which must match the whole name. Matching takes time linear in the
/// name's length whatever the pattern is; what would need backtracking is refused, as RE2 does.
/// </summary>
internal sealed class TopicPattern
{
    /// <summary>Longer patterns are refused.</summary>
    public const int LengthMax = 8192;

    private const RegexOptions Options =
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;

    private readonly Regex _regex;

    private TopicPattern(string text, Regex regex)
    {
        Text = text;
        _regex = regex;
    }

    /// <summary>The pattern as the client wrote it.</summary>
    public string Text { get; }

    /// <summary>Reads a pattern; false, with the reason, when it is none.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out TopicPattern? pattern, out string problem)
    {
        pattern = null;
        if (text.Length > LengthMax)
        {
            problem = $"it is longer than {LengthMax} characters";
            return false;
        }

        if (!Re2Translation.TryTranslate(text, out string translated, out problem))
        {
            return false;
        }

        try
        {
            // Alone first: in the parentheses below, text like "a)(b" would look well formed.
            _ = new Regex(translated, Options);
            pattern = new TopicPattern(text, new Regex($@"\A(?:{translated})\z", Options));
            return true;
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            problem = exception.Message;
            return false;
        }
    }

    /// <summary>True when the pattern matches the whole name.</summary>
    public bool Matches(string topic) => _regex.IsMatch(topic);
}
