using System.Collections.Frozen;
using System.Reflection;

namespace Orleans.Kafka.Grains.Configs;

/// <summary>
/// The settings of one kind of resource, read from <c>Tables/*.settings</c>. The tables hold what Kafka 4.3 answers to
/// DescribeConfigs, so that clients and tools find what they look for.
/// </summary>
public sealed class SettingTable
{
    private static readonly Lazy<SettingTable> LazyBroker = new(() => Load("broker"));
    private static readonly Lazy<SettingTable> LazyTopic = new(() => Load("topic"));
    private static readonly Lazy<SettingTable> LazyGroup = new(() => Load("group"));
    private static readonly Lazy<SettingTable> LazyClientMetrics = new(() => Load("client-metrics"));
    private readonly FrozenDictionary<string, SettingDefinition> _byName;

    private SettingTable(List<SettingDefinition> definitions)
    {
        definitions.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        All = definitions;
        _byName = definitions.ToFrozenDictionary(definition => definition.Name);
    }

    /// <summary>Settings of a broker.</summary>
    public static SettingTable Broker => LazyBroker.Value;

    /// <summary>Settings of a topic.</summary>
    public static SettingTable Topic => LazyTopic.Value;

    /// <summary>Settings of a group.</summary>
    public static SettingTable Group => LazyGroup.Value;

    /// <summary>Settings of a client metrics subscription.</summary>
    public static SettingTable ClientMetrics => LazyClientMetrics.Value;

    /// <summary>Every setting, by name.</summary>
    public IReadOnlyList<SettingDefinition> All { get; }

    /// <summary>The setting of that name, null when there is none.</summary>
    public SettingDefinition? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>The setting of that name, which the table is known to have.</summary>
    public SettingDefinition Get(string name) => _byName[name];

    /// <summary>The name most like the given one, for "did you mean"; null when none is near.</summary>
    public string? Nearest(string name)
    {
        string? nearest = null;
        var least = 1 + (name.Length / 4);
        foreach (var definition in All)
        {
            var distance = Distance(name, definition.Name);
            if (distance <= least)
            {
                least = distance - 1;
                nearest = definition.Name;
            }
        }

        return nearest;
    }

    private static SettingTable Load(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{name}.settings")
            ?? throw new InvalidOperationException($"The assembly lacks its table {name}.settings.");
        using var reader = new StreamReader(stream);
        var definitions = new List<SettingDefinition>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && line[0] != '#')
            {
                definitions.Add(ParseLine(line));
            }
        }

        return new SettingTable(definitions);
    }

    private static SettingDefinition ParseLine(string line)
    {
        var columns = line.Split('|', 6, StringSplitOptions.TrimEntries);
        var update = columns[3] switch
        {
            "read-only" => SettingUpdate.ReadOnly,
            "per-broker" => SettingUpdate.PerBroker,
            _ => SettingUpdate.ClusterWide,
        };
        var brokerSetting = columns[3].Contains('.') ? columns[3] : null;
        var defaultText = columns[2] switch { "-" => null, "''" => "", var text => text };
        return new SettingDefinition(
            columns[0].TrimStart('+'),
            ParseType(columns[1]),
            defaultText,
            update,
            brokerSetting,
            SettingRule.Parse(columns[4]),
            columns[5])
        {
            IsOurs = columns[0][0] == '+',
        };
    }

    private static SettingType ParseType(string text) => text switch
    {
        "boolean" => SettingType.Boolean,
        "string" => SettingType.String,
        "int" => SettingType.Int,
        "short" => SettingType.Short,
        "long" => SettingType.Long,
        "double" => SettingType.Double,
        "list" => SettingType.List,
        "class" => SettingType.Class,
        "password" => SettingType.Password,
        _ => throw new FormatException($"The settings table has an unknown type '{text}'."),
    };

    /// <summary>How many characters must be put in, taken out or exchanged to make one name the other.</summary>
    private static int Distance(string left, string right)
    {
        var previous = Enumerable.Range(0, right.Length + 1).ToArray();
        var current = new int[right.Length + 1];
        for (var row = 1; row <= left.Length; row++)
        {
            current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var exchange = previous[column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1);
                current[column] = Math.Min(exchange, Math.Min(previous[column], current[column - 1]) + 1);
            }

            (previous, current) = (current, previous);
        }

        return previous[right.Length];
    }
}
