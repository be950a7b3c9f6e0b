using System.Globalization;

namespace Orleans.Kafka.Grains.Configs;

/// <summary>Texts to values and back, as Kafka reads and shows them.</summary>
internal static class SettingText
{
    private const NumberStyles Sign = NumberStyles.AllowLeadingSign;
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>
    /// The value of a text: bool, string, int, short, long, double or string[]. False with Kafka's words for what is
    /// wrong when the text is not of the type.
    /// </summary>
    public static bool TryParse(SettingType type, string text, out object value, out string problem)
    {
        var trimmed = text.Trim();
        value = text;
        problem = "";
        switch (type)
        {
            case SettingType.Boolean:
                value = trimmed.Equals("true", StringComparison.OrdinalIgnoreCase);
                problem = "Expected value to be either true or false";
                return (bool)value || trimmed.Equals("false", StringComparison.OrdinalIgnoreCase);
            case SettingType.Int:
                problem = "Not a number of type INT";
                var isInt = int.TryParse(trimmed, Sign, Culture, out var number);
                value = number;
                return isInt;
            case SettingType.Short:
                problem = "Not a number of type SHORT";
                var isShort = short.TryParse(trimmed, Sign, Culture, out var small);
                value = small;
                return isShort;
            case SettingType.Long:
                problem = "Not a number of type LONG";
                var isLong = long.TryParse(trimmed, Sign, Culture, out var large);
                value = large;
                return isLong;
            case SettingType.Double:
                problem = "Not a number of type DOUBLE";
                var isDouble = double.TryParse(trimmed, NumberStyles.Float, Culture, out var real);
                value = real;
                return isDouble;
            case SettingType.List:
                value = trimmed.Length == 0 ? [] : text.Split(',', StringSplitOptions.TrimEntries);
                return true;
            case SettingType.Password:
                return true;
            default:
                value = trimmed;
                return true;
        }
    }

    /// <summary>The text of a value, as DescribeConfigs shows it.</summary>
    public static string Render(object value) => value switch
    {
        bool boolean => boolean ? "true" : "false",
        double real => RenderDouble(real),
        string[] items => string.Join(',', items),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => (string)value,
    };

    /// <summary>As Java writes doubles: always with a point, and without the plus in an exponent.</summary>
    private static string RenderDouble(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture).Replace("E+", "E", StringComparison.Ordinal);
        return text.Contains('.') || text.Contains('E') ? text : text + ".0";
    }
}
