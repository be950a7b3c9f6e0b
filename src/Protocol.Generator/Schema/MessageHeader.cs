using System.Globalization;

namespace Orleans.Kafka.Protocol.Generator.Schema;

/// <summary>The statements before the sections.</summary>
internal sealed class MessageHeader
{
    public string What { get; set; } = "";

    public string? Name { get; set; }

    public int Line { get; set; } = -1;

    public string Summary { get; set; } = "";

    public int Sections { get; set; }

    public int Key { get; private set; } = -1;

    public int Type { get; private set; } = -1;

    public VersionRange Versions { get; private set; } = VersionRange.None;

    public VersionRange Flexible { get; private set; } = VersionRange.None;

    private VersionRange? Stable { get; set; }

    private VersionRange? Advertised { get; set; }

    private string Listeners { get; set; } = "";

    private bool HasFlexible { get; set; }

    public string TakeSummary() => Name is null ? Summary : "";

    public string? Read(string word, string rest)
    {
        if (Name is null)
        {
            return $"'{word}' comes before 'api Name', 'record Name' or 'message Name'";
        }

        var isRange = VersionRange.TryParse(rest, out var range);
        var isNumber = int.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        switch (word)
        {
            case "key" when What == "api" && isNumber && number <= short.MaxValue:
                Key = number;
                return null;
            case "type" when What == "record" && isNumber && number <= short.MaxValue:
                Type = number;
                return null;
            case "versions" when isRange && !range.IsEmpty && range.High < short.MaxValue:
                Versions = range;
                return null;
            case "flexible" when isRange:
                Flexible = range;
                HasFlexible = true;
                return null;
            case "stable" when What == "api" && isRange:
                Stable = range;
                return null;
            case "advertised" when What == "api" && isRange && !range.IsEmpty:
                Advertised = range;
                return null;
            case "listeners" when What == "api" && rest is "broker" or "controller" or "broker, controller":
                Listeners = rest;
                return null;
            default:
                return $"'{word} {rest}' is not understood here";
        }
    }

    public string? Missing()
    {
        if (Versions.IsEmpty)
        {
            return $"{What} {Name} lacks 'versions'";
        }

        if (!HasFlexible)
        {
            return $"{What} {Name} lacks 'flexible' (a range, or none)";
        }

        if (What == "record" && Type < 0)
        {
            return $"record {Name} lacks 'type'";
        }

        return What == "api" && (Key < 0 || Listeners.Length == 0)
            ? $"api {Name} lacks 'key' or 'listeners'"
            : null;
    }

    public ApiSchema ToApi() => new(Name!, Line)
    {
        Key = Key,
        Versions = Versions,
        Stable = Stable is { } stable ? stable.Intersect(Versions) : Versions,
        Flexible = Flexible.Intersect(Versions),
        AdvertisedMin = Advertised?.Low ?? Versions.Low,
        OnBroker = Listeners.StartsWith("broker", StringComparison.Ordinal),
        OnController = Listeners.EndsWith("controller", StringComparison.Ordinal),
    };
}
