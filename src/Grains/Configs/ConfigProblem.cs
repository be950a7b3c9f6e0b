namespace Orleans.Kafka.Grains.Configs;

/// <summary>Why settings were refused.</summary>
/// <param name="Code">The error to answer; <see cref="ErrorCode.None"/> when they were not.</param>
/// <param name="Message">The words to answer; null when there are none.</param>
public readonly record struct ConfigProblem(ErrorCode Code, string? Message)
{
    /// <summary>Nothing is wrong.</summary>
    public static ConfigProblem None => new(ErrorCode.None, null);

    /// <summary>Whether nothing is wrong.</summary>
    public bool IsNone => Code == ErrorCode.None;

    internal static ConfigProblem InvalidConfig(string message) => new(ErrorCode.InvalidConfig, message);

    internal static ConfigProblem InvalidRequest(string message) => new(ErrorCode.InvalidRequest, message);
}
