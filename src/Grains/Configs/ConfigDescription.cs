namespace Orleans.Kafka.Grains.Configs;

/// <summary>One setting as DescribeConfigs and CreateTopics answer it.</summary>
/// <param name="Definition">The setting.</param>
/// <param name="Value">The text in force; null when there is none or it is sensitive.</param>
/// <param name="Source">Where that text stands.</param>
/// <param name="ReadOnly">Whether it cannot change at run time.</param>
/// <param name="Synonyms">All that stands behind it, the one in force first.</param>
public sealed record ConfigEntry(
    SettingDefinition Definition,
    string? Value,
    SettingSource Source,
    bool ReadOnly,
    IReadOnlyList<SettingSynonym> Synonyms);

/// <summary>Describes the settings of resources from the point of view of one broker. Entries come sorted by name.</summary>
/// <param name="broker">The settings of that broker.</param>
public sealed class ConfigDescription(BrokerSettings broker)
{
    private static readonly IReadOnlyList<SettingSynonym> NoSynonyms = [];

    /// <summary>The settings of a topic.</summary>
    /// <param name="overrides">What is set for the topic itself.</param>
    /// <param name="names">The settings that are wanted; null or empty for all, unknown names are left out.</param>
    public List<ConfigEntry> Topic(IReadOnlyDictionary<string, string> overrides, IReadOnlyCollection<string>? names) =>
        Describe(SettingTable.Topic, names, definition => OfTopic(definition, overrides));

    /// <summary>The settings of the broker itself.</summary>
    public List<ConfigEntry> Broker(IReadOnlyCollection<string>? names) =>
        Describe(SettingTable.Broker, names, OfBroker);

    /// <summary>What is set at run time for all brokers, and nothing else.</summary>
    public List<ConfigEntry> AllBrokers(IReadOnlyCollection<string>? names) =>
        Describe(SettingTable.Broker, names, OfAllBrokers);

    /// <summary>The settings of a group.</summary>
    public List<ConfigEntry> Group(IReadOnlyDictionary<string, string> overrides, IReadOnlyCollection<string>? names) =>
        Describe(SettingTable.Group, names, definition => OfGroup(definition, overrides));

    /// <summary>The settings of a client metrics subscription.</summary>
    public List<ConfigEntry> ClientMetrics(
        IReadOnlyDictionary<string, string> overrides, IReadOnlyCollection<string>? names) =>
        Describe(SettingTable.ClientMetrics, names, definition => OfClientMetrics(definition, overrides));

    private static List<ConfigEntry> Describe(
        SettingTable table, IReadOnlyCollection<string>? names, Func<SettingDefinition, ConfigEntry?> describe)
    {
        var wanted = names is { Count: > 0 } ? names.ToHashSet(StringComparer.Ordinal) : null;
        var entries = new List<ConfigEntry>(wanted?.Count ?? table.All.Count);
        foreach (var definition in table.All)
        {
            if (wanted?.Contains(definition.Name) != false && describe(definition) is { } entry
                && (wanted is not null || !definition.IsOurs || entry.Source != SettingSource.Default))
            {
                entries.Add(entry);
            }
        }

        return entries;
    }

    private ConfigEntry OfTopic(SettingDefinition definition, IReadOnlyDictionary<string, string> overrides)
    {
        var inherited = definition.BrokerSetting is { } name ? broker.Layers.Synonyms(name) : NoSynonyms;
        if (overrides.TryGetValue(definition.Name, out var text))
        {
            List<SettingSynonym> synonyms = [new(definition.Name, text, SettingSource.TopicOverride), .. inherited];
            return new ConfigEntry(
                definition, definition.Normalize(text), SettingSource.TopicOverride, ReadOnly: false, synonyms);
        }

        var value = TopicSettings.TextInForce(definition, overrides, broker.Layers);
        return new ConfigEntry(definition, definition.Normalize(value), SourceOf(inherited), ReadOnly: false, inherited);
    }

    private ConfigEntry OfBroker(SettingDefinition definition)
    {
        var synonyms = broker.Layers.Synonyms(definition.Name);
        var text = definition.IsSensitive ? null : broker.Layers.Text(definition.Name);
        return new ConfigEntry(
            definition,
            text is null ? null : definition.Normalize(text),
            SourceOf(synonyms),
            definition.Update == SettingUpdate.ReadOnly,
            synonyms);
    }

    private ConfigEntry? OfAllBrokers(SettingDefinition definition)
    {
        if (!broker.Layers.DynamicDefault.TryGetValue(definition.Name, out var text))
        {
            return null;
        }

        var shown = definition.IsSensitive ? null : text;
        return new ConfigEntry(
            definition,
            shown is null ? null : definition.Normalize(shown),
            SettingSource.DynamicDefaultBroker,
            ReadOnly: false,
            [new(definition.Name, shown, SettingSource.DynamicDefaultBroker)]);
    }

    private ConfigEntry OfGroup(SettingDefinition definition, IReadOnlyDictionary<string, string> overrides)
    {
        var inherited = definition.BrokerSetting is { } name
            ? broker.Layers.Synonyms(name)
            : [new(definition.Name, definition.DefaultText, SettingSource.Default)];
        if (overrides.TryGetValue(definition.Name, out var text))
        {
            List<SettingSynonym> synonyms = [new(definition.Name, text, SettingSource.Group), .. inherited];
            return new ConfigEntry(
                definition, definition.Normalize(text), SettingSource.Group, ReadOnly: false, synonyms);
        }

        return new ConfigEntry(definition, inherited[0].Value, inherited[0].Source, ReadOnly: false, inherited);
    }

    private static ConfigEntry OfClientMetrics(
        SettingDefinition definition, IReadOnlyDictionary<string, string> overrides) =>
        overrides.TryGetValue(definition.Name, out var text)
            ? new ConfigEntry(
                definition,
                definition.Normalize(text),
                SettingSource.ClientMetrics,
                ReadOnly: false,
                [new(definition.Name, text, SettingSource.ClientMetrics)])
            : new ConfigEntry(definition, definition.DefaultText, SettingSource.Default, ReadOnly: false, NoSynonyms);

    private static SettingSource SourceOf(IReadOnlyList<SettingSynonym> synonyms) =>
        synonyms.Count > 0 ? synonyms[0].Source : SettingSource.Default;
}
