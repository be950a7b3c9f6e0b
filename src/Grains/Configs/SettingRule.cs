using System.Globalization;

namespace Orleans.Kafka.Grains.Configs;

/// <summary>What a value of the right type must fulfil besides.</summary>
internal abstract class SettingRule
{
    /// <summary>Every value of the type is fine.</summary>
    public static readonly SettingRule None = new AnyValue();

    /// <summary>What is allowed, to stand behind "allowed: ". Empty when everything is.</summary>
    public abstract string Allowed { get; }

    /// <summary>What is wrong with the value, in the words Kafka uses; null when nothing is.</summary>
    public abstract string? Check(string name, object value);

    /// <summary>The offending part of a value, where Kafka's message names only that.</summary>
    public virtual string Offender(object value) => SettingText.Render(value);

    /// <summary>Reads a rule as the tables write it, such as <c>&gt;=1</c> or <c>one of: a, b</c>.</summary>
    public static SettingRule Parse(string text)
    {
        if (text == "-")
        {
            return None;
        }

        if (text.StartsWith(">=", StringComparison.Ordinal))
        {
            return new Bounds(Number(text[2..]), double.PositiveInfinity, null);
        }

        if (text.StartsWith("one of: ", StringComparison.Ordinal))
        {
            return new OneOf(text["one of: ".Length..].Split(", "));
        }

        if (text.StartsWith("each of: ", StringComparison.Ordinal))
        {
            return new EachOf(text["each of: ".Length..].Split(", "));
        }

        return text switch
        {
            "not empty" => new NotEmpty(),
            "throttled replicas" => new ThrottledReplicas(),
            "offset reset" => new OffsetReset(),
            _ => ParseRange(text),
        };
    }

    private static Bounds ParseRange(string text)
    {
        double? extra = null;
        var or = text.IndexOf(" or ", StringComparison.Ordinal);
        if (or >= 0)
        {
            extra = Number(text[..or]);
            text = text[(or + 4)..];
        }

        var dots = text.IndexOf("..", StringComparison.Ordinal);
        return dots > 0
            ? new Bounds(Number(text[..dots]), Number(text[(dots + 2)..]), extra)
            : throw new FormatException($"The settings table has an unknown rule '{text}'.");
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private sealed class AnyValue : SettingRule
    {
        public override string Allowed => "";

        public override string? Check(string name, object value) => null;
    }

    /// <summary>Smallest and largest value; <paramref name="extra"/> is allowed outside of them.</summary>
    private sealed class Bounds(double min, double max, double? extra) : SettingRule
    {
        public override string Allowed
        {
            get
            {
                var range = double.IsPositiveInfinity(max) ? $"at least {Text(min)}" : $"{Text(min)} to {Text(max)}";
                return extra is { } also ? $"{Text(also)}, or {range}" : range;
            }
        }

        public override string? Check(string name, object value)
        {
            var number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
            if (number == extra)
            {
                return null;
            }

            return number < min ? $"Value must be at least {Text(min)}"
                : number > max ? $"Value must be no more than {Text(max)}"
                : null;
        }

        private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private sealed class OneOf(string[] allowed) : SettingRule
    {
        public override string Allowed => $"one of {string.Join(", ", allowed)}";

        public override string? Check(string name, object value) =>
            allowed.Contains((string)value) ? null : $"String must be one of: {string.Join(", ", allowed)}";
    }

    private sealed class EachOf(string[] allowed) : SettingRule
    {
        public override string Allowed => $"any of {string.Join(", ", allowed)}, each once";

        public override string? Check(string name, object value)
        {
            var items = (string[])value;
            if (items.Any(item => !allowed.Contains(item)))
            {
                return $"String must be one of: {string.Join(", ", allowed)}";
            }

            return items.Distinct().Count() == items.Length
                ? null
                : $"Configuration '{name}' values must not be duplicated.";
        }

        public override string Offender(object value) =>
            ((string[])value).FirstOrDefault(item => !allowed.Contains(item)) ?? SettingText.Render(value);
    }

    private sealed class NotEmpty : SettingRule
    {
        public override string Allowed => "at least one item";

        public override string? Check(string name, object value) =>
            ((string[])value).Length > 0 ? null : $"Configuration '{name}' must not be empty.";
    }

    /// <summary>Nothing, <c>*</c>, or a list of partition:broker.</summary>
    private sealed class ThrottledReplicas : SettingRule
    {
        public override string Allowed => "*, or a list of partition:broker";

        public override string? Check(string name, object value)
        {
            var items = (string[])value;
            return items is ["*"] || items.All(IsReplica)
                ? null
                : $"{name} must be the literal '*' or a list of replicas in the following format: "
                    + "[partitionId]:[brokerId],[partitionId]:[brokerId],...";
        }

        public override string Offender(object value) => $"[{string.Join(", ", (string[])value)}]";

        private static bool IsReplica(string item)
        {
            var parts = item.Split(':');
            return parts.Length == 2 && parts.All(part => part.Length > 0 && part.All(char.IsAsciiDigit));
        }
    }

    /// <summary>Where a share group begins (KIP-932, KIP-1106).</summary>
    private sealed class OffsetReset : SettingRule
    {
        private const string Duration = "by_duration:";

        public override string Allowed => "earliest, latest, or by_duration: with an ISO 8601 duration";

        public override string? Check(string name, object value)
        {
            var text = (string)value;
            return text is "earliest" or "latest" || IsDuration(text)
                ? null
                : $"Invalid value `{text}` for configuration {name}. The value must be either 'earliest', 'latest' or "
                    + "of the format 'by_duration:<PnDTnHnMn.nS>'.";
        }

        private static bool IsDuration(string text)
        {
            if (!text.StartsWith(Duration, StringComparison.Ordinal))
            {
                return false;
            }

            try
            {
                return System.Xml.XmlConvert.ToTimeSpan(text[Duration.Length..]) >= TimeSpan.Zero;
            }
            catch (FormatException)
            {
                return false;
            }
        }
    }
}
