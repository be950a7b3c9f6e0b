namespace Orleans.Kafka.Grains.Configs;

/// <summary>One setting: its name, type, default, rule, and what may be said about it.</summary>
public sealed class SettingDefinition
{
    private const string WithoutEffect =
        "Accepted so that existing configurations carry over; it has no effect in this broker.";

    internal SettingDefinition(
        string name,
        SettingType type,
        string? defaultText,
        SettingUpdate update,
        string? brokerSetting,
        SettingRule rule,
        string documentation)
    {
        Name = name;
        Type = type;
        DefaultText = defaultText;
        Update = update;
        BrokerSetting = brokerSetting;
        Rule = rule;
        DefaultValue = defaultText is not null && SettingText.TryParse(type, defaultText, out var value, out _) ? value : null;
        HasEffect = documentation.Length > 0 && documentation[0] != '(';
        Documentation = documentation.Length == 0 ? WithoutEffect
            : HasEffect ? documentation
            : $"{documentation.Trim('(', ')')} {WithoutEffect}";
    }

    /// <summary>Kafka's name of the setting.</summary>
    public string Name { get; }

    /// <summary>What its text must be.</summary>
    public SettingType Type { get; }

    /// <summary>Kafka's default, as text; null when there is none.</summary>
    public string? DefaultText { get; }

    /// <summary>When a broker setting may change. Settings of topics and groups may always.</summary>
    public SettingUpdate Update { get; }

    /// <summary>The broker setting that a topic or group without its own value takes; null when there is none.</summary>
    public string? BrokerSetting { get; }

    /// <summary>One or two sentences for DescribeConfigs v3 and later.</summary>
    public string Documentation { get; }

    /// <summary>Whether this broker acts on the setting.</summary>
    public bool HasEffect { get; }

    /// <summary>Whether the value is kept out of every answer and message.</summary>
    public bool IsSensitive => Type == SettingType.Password;

    /// <summary>
    /// Kafka has no such setting. Tools that compare the settings of brokers see it only where it is set, or when they
    /// ask for it.
    /// </summary>
    public bool IsOurs { get; init; }

    internal SettingRule Rule { get; }

    /// <summary>Kafka's default, parsed; null when there is none.</summary>
    internal object? DefaultValue { get; }

    /// <summary>
    /// The value of a text: bool, string, int, short, long, double or string[]. Otherwise Kafka's message, which begins
    /// "Invalid value".
    /// </summary>
    public bool TryParse(string text, out object value, out string message)
    {
        message = "";
        if (!SettingText.TryParse(Type, text, out value, out var problem))
        {
            message = Message(text, problem);
            return false;
        }

        if (Rule.Check(Name, value) is { } broken)
        {
            message = Message(Rule.Offender(value), broken);
            return false;
        }

        return true;
    }

    /// <summary>What is allowed, for people: the type, and the rule if there is one.</summary>
    public string Allowed()
    {
        var type = Type == SettingType.List ? "a list with commas" : Type.ToString().ToLowerInvariant();
        return Rule.Allowed.Length == 0 ? type : $"{type}, {Rule.Allowed}";
    }

    /// <summary>The text as DescribeConfigs shows it, after a round through the type.</summary>
    internal string Normalize(string text) => TryParse(text, out var value, out _) ? SettingText.Render(value) : text;

    private string Message(string value, string problem) =>
        $"Invalid value {(IsSensitive ? "[hidden]" : value)} for configuration {Name}: {problem}";
}
