using System.Globalization;

namespace Orleans.Kafka.Grains.Configs;

/// <summary>Whether the settings of one resource may stand as they are, each alone and all together.</summary>
public static class ConfigRules
{
    private const int ClientMetricsIntervalMsMin = 100;
    private const int ClientMetricsIntervalMsMax = 3_600_000;

    /// <summary>The settings that CreateTopics brings. A name given twice counts with its last value.</summary>
    public static ConfigProblem CheckNewTopic(
        IEnumerable<KeyValuePair<string, string?>> given, out Dictionary<string, string> overrides)
    {
        overrides = new Dictionary<string, string>(StringComparer.Ordinal);
        var nulls = new List<string>();
        foreach (var (name, text) in given)
        {
            if (text is null)
            {
                nulls.Add(name);
            }
            else
            {
                overrides[name] = text;
            }
        }

        return nulls.Count > 0
            ? ConfigProblem.InvalidConfig($"Null value not supported for topic configs: {string.Join(',', nulls)}")
            : CheckTopic(overrides);
    }

    /// <summary>A topic's own settings.</summary>
    public static ConfigProblem CheckTopic(IReadOnlyDictionary<string, string> overrides)
    {
        var problem = CheckEach(SettingTable.Topic, "topic", overrides);
        if (!problem.IsNone)
        {
            return problem;
        }

        if (IsTrue(overrides, "remote.storage.enable"))
        {
            return ConfigProblem.InvalidConfig("Tiered Storage functionality is disabled in the broker. "
                + "Topic cannot be configured with remote log storage.");
        }

        var minLag = Number(SettingTable.Topic, overrides, "min.compaction.lag.ms");
        var maxLag = Number(SettingTable.Topic, overrides, "max.compaction.lag.ms");
        return minLag > maxLag
            ? ConfigProblem.InvalidConfig(
                $"conflict topic config setting min.compaction.lag.ms ({minLag}) > max.compaction.lag.ms ({maxLag})")
            : ConfigProblem.None;
    }

    /// <summary>
    /// What is set at run time for one broker, or for all of them. The changed names alone decide whether a change is
    /// possible at run time; the values are checked as a whole.
    /// </summary>
    public static ConfigProblem CheckBroker(
        IReadOnlyDictionary<string, string> values, IEnumerable<string> changed, bool forAllBrokers)
    {
        var names = changed.ToList();
        if (names.FirstOrDefault(name => SettingTable.Broker.Find(name) is null) is { } unknown)
        {
            return ConfigProblem.InvalidConfig($"Unknown broker config name: {unknown}");
        }

        var fixedNames = names.Where(name => SettingTable.Broker.Get(name).Update == SettingUpdate.ReadOnly).ToList();
        if (fixedNames.Count > 0)
        {
            return ConfigProblem.InvalidRequest(
                $"Cannot update these configs dynamically: [{string.Join(", ", fixedNames)}]");
        }

        var perBroker = names.Where(name => SettingTable.Broker.Get(name).Update == SettingUpdate.PerBroker).ToList();
        if (forAllBrokers && perBroker.Count > 0)
        {
            return ConfigProblem.InvalidRequest("Cannot update these configs at default cluster level, "
                + $"broker id must be specified: [{string.Join(", ", perBroker)}]");
        }

        var problem = CheckEach(SettingTable.Broker, "broker", values);
        return problem.IsNone ? problem : ConfigProblem.InvalidRequest(problem.Message!);
    }

    /// <summary>A group's own settings, which must lie within what the broker's settings allow.</summary>
    public static ConfigProblem CheckGroup(IReadOnlyDictionary<string, string> overrides, BrokerSettings broker)
    {
        var problem = CheckEach(SettingTable.Group, "group", overrides);
        if (!problem.IsNone)
        {
            return problem;
        }

        foreach (var name in overrides.Keys.Order(StringComparer.Ordinal))
        {
            if (SettingTable.Group.Get(name).Type != SettingType.Int)
            {
                continue;
            }

            var value = Number(SettingTable.Group, overrides, name);
            var (least, most) = GroupBounds(name);
            if (least is not null && value < broker.Int(least))
            {
                return ConfigProblem.InvalidConfig($"{name} must be greater than or equal to {least}");
            }

            if (most is not null && value > broker.Int(most))
            {
                return ConfigProblem.InvalidConfig($"{name} must be less than or equal to {most}");
            }
        }

        return ConfigProblem.None;
    }

    /// <summary>The settings of a client metrics subscription.</summary>
    public static ConfigProblem CheckClientMetrics(IReadOnlyDictionary<string, string> overrides)
    {
        foreach (var (name, text) in overrides)
        {
            if (SettingTable.ClientMetrics.Find(name) is not { } definition)
            {
                return ConfigProblem.InvalidRequest($"Unknown client metrics configuration: {name}");
            }

            if (!definition.TryParse(text, out var value, out var message))
            {
                return ConfigProblem.InvalidConfig(message);
            }

            if (value is int interval and (< ClientMetricsIntervalMsMin or > ClientMetricsIntervalMsMax))
            {
                return ConfigProblem.InvalidRequest($"Invalid value {interval} for {name}, interval must be between "
                    + $"{ClientMetricsIntervalMsMin} and {ClientMetricsIntervalMsMax} (1 hour)");
            }
        }

        return ConfigProblem.None;
    }

    /// <summary>
    /// The broker settings that bound a group setting: <c>group.share.min.x</c> and <c>group.share.max.x</c> for
    /// <c>share.x</c>, where they exist.
    /// </summary>
    private static (string? Least, string? Most) GroupBounds(string name)
    {
        var dot = name.IndexOf('.');
        var kind = name[..dot];
        var rest = name[(dot + 1)..];
        var most = name == "streams.num.standby.replicas"
            ? "group.streams.max.standby.replicas"
            : $"group.{kind}.max.{rest}";
        return (Known($"group.{kind}.min.{rest}"), Known(most));

        static string? Known(string bound) => SettingTable.Broker.Find(bound)?.Name;
    }

    private static ConfigProblem CheckEach(SettingTable table, string kind, IReadOnlyDictionary<string, string> texts)
    {
        foreach (var name in texts.Keys)
        {
            if (table.Find(name) is null)
            {
                return ConfigProblem.InvalidConfig($"Unknown {kind} config name: {name}");
            }
        }

        foreach (var (name, text) in texts)
        {
            if (!table.Get(name).TryParse(text, out _, out var message))
            {
                return ConfigProblem.InvalidConfig(message);
            }
        }

        return ConfigProblem.None;
    }

    private static bool IsTrue(IReadOnlyDictionary<string, string> texts, string name) =>
        texts.TryGetValue(name, out var text) && SettingTable.Topic.Get(name).Normalize(text) == "true";

    private static long Number(SettingTable table, IReadOnlyDictionary<string, string> texts, string name)
    {
        var definition = table.Get(name);
        definition.TryParse(texts.GetValueOrDefault(name) ?? definition.DefaultText!, out var value, out _);
        return Convert.ToInt64(value, CultureInfo.InvariantCulture);
    }
}
