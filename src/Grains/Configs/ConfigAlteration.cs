namespace Orleans.Kafka.Grains.Configs;

/// <summary>
/// AlterConfigs and IncrementalAlterConfigs (KIP-339) on the settings of one resource: what is set now and what is asked
/// for go in, what is to be set comes out.
/// </summary>
/// <param name="type">What the settings belong to; <see cref="ConfigResourceType.BrokerLogger"/> is not served here.</param>
/// <param name="forAllBrokers">Whether they are those of all brokers.</param>
/// <param name="broker">The settings of the broker that answers.</param>
public sealed class ConfigAlteration(ConfigResourceType type, bool forAllBrokers, BrokerSettings broker)
{
    private readonly SettingTable _table = TableOf(type);

    /// <summary>The table that holds the settings of a kind of resource.</summary>
    public static SettingTable TableOf(ConfigResourceType type) => type switch
    {
        ConfigResourceType.Topic => SettingTable.Topic,
        ConfigResourceType.Broker => SettingTable.Broker,
        ConfigResourceType.Group => SettingTable.Group,
        ConfigResourceType.ClientMetrics => SettingTable.ClientMetrics,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "This kind of resource has no settings table."),
    };

    /// <summary>AlterConfigs: what is given is all that is set afterwards.</summary>
    public ConfigProblem Replace(
        IReadOnlyDictionary<string, string> current,
        IEnumerable<KeyValuePair<string, string?>> given,
        out Dictionary<string, string> result)
    {
        result = new Dictionary<string, string>(StringComparer.Ordinal);
        var nulls = new List<string>();
        foreach (var (name, text) in given)
        {
            if (text is null)
            {
                nulls.Add(name);
            }
            else
            {
                result[name] = text;
            }
        }

        if (nulls.Count > 0)
        {
            return NullProblem(nulls);
        }

        var values = result;
        return Check(values, values.Keys.Where(name => current.GetValueOrDefault(name) != values[name]));
    }

    /// <summary>IncrementalAlterConfigs: each change for itself; all of them or none.</summary>
    public ConfigProblem Apply(
        IReadOnlyDictionary<string, string> current,
        IReadOnlyList<ConfigChange> changes,
        out Dictionary<string, string> result)
    {
        result = new Dictionary<string, string>(current, StringComparer.Ordinal);
        if (changes.Select(change => change.Name).Distinct().Count() < changes.Count)
        {
            return ConfigProblem.InvalidRequest("Error due to duplicate config keys");
        }

        var nulls = changes.Where(change => change.Value is null && change.Operation != ConfigOperation.Delete)
            .Select(change => change.Name).ToList();
        if (nulls.Count > 0)
        {
            return NullProblem(nulls);
        }

        foreach (var change in changes)
        {
            var problem = Apply(change, result);
            if (!problem.IsNone)
            {
                return problem;
            }
        }

        return Check(result, changes.Select(change => change.Name));
    }

    private static ConfigProblem NullProblem(List<string> names) =>
        ConfigProblem.InvalidRequest($"Null value not supported for : {string.Join(',', names)}");

    private ConfigProblem Apply(ConfigChange change, Dictionary<string, string> values)
    {
        switch (change.Operation)
        {
            case ConfigOperation.Set:
                values[change.Name] = change.Value!;
                return ConfigProblem.None;
            case ConfigOperation.Delete:
                values.Remove(change.Name);
                return ConfigProblem.None;
            case ConfigOperation.Append or ConfigOperation.Subtract:
                return ChangeList(change, values);
            default:
                return new ConfigProblem(ErrorCode.UnknownServerError, null);
        }
    }

    private ConfigProblem ChangeList(ConfigChange change, Dictionary<string, string> values)
    {
        var definition = _table.Find(change.Name);
        if (definition?.Type != SettingType.List)
        {
            var operation = change.Operation.ToString().ToUpperInvariant();
            return ConfigProblem.InvalidConfig($"Can't {operation} to key {change.Name} because its type is not LIST.");
        }

        // An unset list counts with its default, not as empty: appending compact to nothing gives delete,compact.
        var items = Items(values.GetValueOrDefault(change.Name) ?? definition.DefaultText ?? "").ToList();
        foreach (var item in Items(change.Value!))
        {
            if (change.Operation == ConfigOperation.Subtract)
            {
                items.Remove(item);
            }
            else if (!items.Contains(item))
            {
                items.Add(item);
            }
        }

        values[change.Name] = string.Join(',', items);
        return ConfigProblem.None;
    }

    private static IEnumerable<string> Items(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private ConfigProblem Check(IReadOnlyDictionary<string, string> values, IEnumerable<string> changed) => type switch
    {
        ConfigResourceType.Topic => ConfigRules.CheckTopic(values),
        ConfigResourceType.Broker => ConfigRules.CheckBroker(values, changed, forAllBrokers),
        ConfigResourceType.Group => ConfigRules.CheckGroup(values, broker),
        _ => ConfigRules.CheckClientMetrics(values),
    };
}
