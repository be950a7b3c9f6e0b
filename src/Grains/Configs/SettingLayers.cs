using System.Collections.Frozen;

namespace Orleans.Kafka.Grains.Configs;

/// <summary>One value of a setting and where it stands: what DescribeConfigs calls a synonym.</summary>
/// <param name="Name">The name under which the value was given.</param>
/// <param name="Value">Its text as given; null when it is sensitive.</param>
/// <param name="Source">Where it was given.</param>
public readonly record struct SettingSynonym(string Name, string? Value, SettingSource Source);

/// <summary>
/// What was given to a broker, in the order in which it counts (KIP-226): at run time for this broker, at run time for all
/// brokers, at its start. Kafka's defaults come last. Immutable.
/// </summary>
public sealed class SettingLayers
{
    private const long MinuteMs = 60_000;
    private const long HourMs = 3_600_000;
    private static readonly FrozenDictionary<string, string> None = FrozenDictionary<string, string>.Empty;

    // The first name wins within a layer. The coarser units exist only at the start of a broker.
    private static readonly string[] Retention = ["log.retention.ms", "log.retention.minutes", "log.retention.hours"];
    private static readonly string[] Roll = ["log.roll.ms", "log.roll.hours"];
    private static readonly string[] RollJitter = ["log.roll.jitter.ms", "log.roll.jitter.hours"];
    private static readonly string[] Flush = ["log.flush.interval.ms", "log.flush.scheduler.interval.ms"];

    /// <summary>Layers as given; every text must have passed its setting's check.</summary>
    public SettingLayers(
        IReadOnlyDictionary<string, string>? dynamicBroker,
        IReadOnlyDictionary<string, string>? dynamicDefault,
        IReadOnlyDictionary<string, string>? staticBroker)
    {
        DynamicBroker = dynamicBroker ?? None;
        DynamicDefault = dynamicDefault ?? None;
        StaticBroker = staticBroker ?? None;
    }

    /// <summary>Set at run time for this broker.</summary>
    public IReadOnlyDictionary<string, string> DynamicBroker { get; }

    /// <summary>Set at run time for all brokers.</summary>
    public IReadOnlyDictionary<string, string> DynamicDefault { get; }

    /// <summary>Given at the start.</summary>
    public IReadOnlyDictionary<string, string> StaticBroker { get; }

    /// <summary>
    /// Every value that stands behind a broker setting, the one in force first, as Kafka lists them: the list begins with
    /// the setting's own name, so it is empty when only a coarser unit is set.
    /// </summary>
    public IReadOnlyList<SettingSynonym> Synonyms(string name)
    {
        var synonyms = new List<SettingSynonym>(2);
        foreach (var value in Values(name))
        {
            if (synonyms.Count > 0 || value.Name == name)
            {
                synonyms.Add(value);
            }
        }

        return synonyms;
    }

    /// <summary>The text in force under exactly this name, null when there is none.</summary>
    public string? Text(string name)
    {
        return Find(DynamicBroker) ?? Find(DynamicDefault) ?? Find(StaticBroker) ?? SettingTable.Broker.Get(name).DefaultText;

        string? Find(IReadOnlyDictionary<string, string> layer) => layer.GetValueOrDefault(name);
    }

    /// <summary>
    /// The text in force for a topic setting that falls back to this broker setting, coarser units turned into
    /// milliseconds; null when neither the setting nor a synonym has a value.
    /// </summary>
    public string? Effective(string name)
    {
        foreach (var value in Values(name))
        {
            return value.Name == name ? value.Value : InMilliseconds(value);
        }

        return null;
    }

    private static string[] Chain(string name) => name switch
    {
        "log.retention.ms" or "log.retention.minutes" or "log.retention.hours" => Retention,
        "log.roll.ms" or "log.roll.hours" => Roll,
        "log.roll.jitter.ms" or "log.roll.jitter.hours" => RollJitter,
        "log.flush.interval.ms" => Flush,
        _ => [name],
    };

    private static string InMilliseconds(SettingSynonym value)
    {
        var unit = value.Name.EndsWith(".hours", StringComparison.Ordinal) ? HourMs
            : value.Name.EndsWith(".minutes", StringComparison.Ordinal) ? MinuteMs
            : 1;
        SettingTable.Broker.Get(value.Name).TryParse(value.Value!, out var number, out _);
        var amount = Convert.ToInt64(number, System.Globalization.CultureInfo.InvariantCulture);
        return SettingText.Render(amount < 0 ? -1L : amount * unit);
    }

    private IEnumerable<SettingSynonym> Values(string name)
    {
        var chain = Chain(name);
        foreach (var (layer, source) in new[]
        {
            (DynamicBroker, SettingSource.DynamicBroker),
            (DynamicDefault, SettingSource.DynamicDefaultBroker),
            (StaticBroker, SettingSource.StaticBroker),
        })
        {
            foreach (var each in chain)
            {
                if (layer.TryGetValue(each, out var text))
                {
                    yield return Shown(each, text, source);
                }
            }
        }

        foreach (var each in chain)
        {
            if (SettingTable.Broker.Find(each)?.DefaultText is { } text)
            {
                yield return Shown(each, text, SettingSource.Default);
            }
        }
    }

    private static SettingSynonym Shown(string name, string text, SettingSource source) =>
        new(name, SettingTable.Broker.Find(name) is { IsSensitive: true } ? null : text, source);
}
