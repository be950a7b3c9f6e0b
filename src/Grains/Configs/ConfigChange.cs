namespace Orleans.Kafka.Grains.Configs;

/// <summary>What IncrementalAlterConfigs does to a setting, in its numbers (KIP-339).</summary>
public enum ConfigOperation : sbyte
{
    /// <summary>Give it a value.</summary>
    Set = 0,

    /// <summary>Take its value away.</summary>
    Delete = 1,

    /// <summary>Add items to its list.</summary>
    Append = 2,

    /// <summary>Take items from its list.</summary>
    Subtract = 3,
}

/// <summary>One change to one setting.</summary>
/// <param name="Name">The setting.</param>
/// <param name="Operation">What to do; numbers without a name are refused when they are applied.</param>
/// <param name="Value">The value or the items, with commas between them; null only for a deletion.</param>
public readonly record struct ConfigChange(string Name, ConfigOperation Operation, string? Value);
