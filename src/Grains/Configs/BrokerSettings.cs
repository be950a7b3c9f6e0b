using System.Globalization;

namespace Orleans.Kafka.Grains.Configs;

/// <summary>
/// The settings a broker started with, all of them checked. Immutable; what changes at run time comes in through
/// <see cref="WithDynamic"/>, which gives new settings.
/// </summary>
public sealed partial class BrokerSettings
{
    private const string NodeIdName = "node.id";
    private const string BrokerIdName = "broker.id";
    private readonly Dictionary<string, object> _given;

    private BrokerSettings(SettingLayers layers, Dictionary<string, object> given)
    {
        Layers = layers;
        _given = given;
    }

    /// <summary>The texts behind the values.</summary>
    public SettingLayers Layers { get; }

    /// <summary>
    /// The names of settings that were given at the start and have no effect in this broker: worth a line in the log.
    /// </summary>
    public IReadOnlyList<string> WithoutEffect =>
        [.. Layers.StaticBroker.Keys
            .Where(name => !SettingTable.Broker.Get(name).HasEffect)
            .Order(StringComparer.Ordinal)];

    /// <summary>
    /// Settings from pairs of name and text, in Kafka's names. A later pair replaces an earlier one of the same name.
    /// Without node.id and broker.id the node is 1.
    /// </summary>
    /// <exception cref="BrokerSettingsException">A name is unknown, a value is not allowed, or two contradict.</exception>
    public static BrokerSettings Parse(IEnumerable<KeyValuePair<string, string?>> pairs)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, text) in pairs)
        {
            if (SettingTable.Broker.Find(name) is null)
            {
                throw new BrokerSettingsException(UnknownMessage(name));
            }

            if (text is null)
            {
                throw new BrokerSettingsException($"Setting '{name}' has no value.");
            }

            texts[name] = text;
        }

        AlignNodeId(texts);
        var layers = new SettingLayers(null, null, texts);
        var settings = new BrokerSettings(layers, ParseGiven(layers));
        settings.CheckTogether();
        return settings;
    }

    /// <summary>
    /// These settings with what is set at run time. Texts that do not pass their check are left out: they were checked
    /// when they were set, perhaps by another version.
    /// </summary>
    public BrokerSettings WithDynamic(
        IReadOnlyDictionary<string, string>? forThisBroker, IReadOnlyDictionary<string, string>? forAllBrokers)
    {
        var layers = new SettingLayers(Usable(forThisBroker), Usable(forAllBrokers), Layers.StaticBroker);
        return new BrokerSettings(layers, ParseGiven(layers));
    }

    /// <summary>The value of a setting: bool, string, int, short, long, double or string[]; null when it has none.</summary>
    public object? Value(string name) =>
        _given.TryGetValue(name, out var value) ? value : SettingTable.Broker.Get(name).DefaultValue;

    internal int Int(string name) => (int)Value(name)!;

    internal long Long(string name) => (long)Value(name)!;

    internal bool Boolean(string name) => (bool)Value(name)!;

    internal string? String(string name) => (string?)Value(name);

    internal string[]? List(string name) => (string[]?)Value(name);

    private static string UnknownMessage(string name) =>
        SettingTable.Broker.Nearest(name) is { } nearest
            ? $"Unknown setting '{name}'. Did you mean '{nearest}'?"
            : $"Unknown setting '{name}'. Settings have the names of Kafka's broker settings.";

    private static string InvalidMessage(SettingDefinition definition, string text)
    {
        var shown = definition.IsSensitive ? "" : $" '{text}'";
        return $"Setting '{definition.Name}' has the value{shown}, which is not allowed. Allowed: {definition.Allowed()}.";
    }

    private static void AlignNodeId(Dictionary<string, string> texts)
    {
        var nodeId = texts.GetValueOrDefault(NodeIdName);
        var brokerId = texts.GetValueOrDefault(BrokerIdName);
        if (nodeId is not null && brokerId is not null && nodeId.Trim() != brokerId.Trim())
        {
            throw new BrokerSettingsException(
                $"Setting 'node.id' is '{nodeId}' and 'broker.id' is '{brokerId}'. Allowed: the same number, or only one.");
        }

        texts[NodeIdName] = texts[BrokerIdName] = nodeId ?? brokerId ?? "1";
    }

    private static Dictionary<string, object> ParseGiven(SettingLayers layers)
    {
        var values = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var layer in new[] { layers.StaticBroker, layers.DynamicDefault, layers.DynamicBroker })
        {
            foreach (var (name, text) in layer)
            {
                var definition = SettingTable.Broker.Get(name);
                values[name] = definition.TryParse(text, out var value, out _)
                    ? value
                    : throw new BrokerSettingsException(InvalidMessage(definition, text));
            }
        }

        return values;
    }

    private static Dictionary<string, string>? Usable(IReadOnlyDictionary<string, string>? texts) =>
        texts?.Where(pair => SettingTable.Broker.Find(pair.Key)?.TryParse(pair.Value, out _, out _) == true)
            .ToDictionary(StringComparer.Ordinal);

    private long Milliseconds(string name) =>
        long.Parse(Layers.Effective(name)!, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
