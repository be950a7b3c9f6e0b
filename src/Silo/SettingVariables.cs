using System.Collections;
using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Silo;

/// <summary>
/// Settings from environment variables in the form known from Kafka's container images: <c>KAFKA_LOG_DIRS</c> stands
/// for <c>log.dirs</c>.
/// </summary>
internal static class SettingVariables
{
    private const string Prefix = "KAFKA_";

    /// <summary>The settings found, as configuration pairs of the section <c>Kafka</c>.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> Read(IDictionary variables)
    {
        foreach (DictionaryEntry variable in variables)
        {
            // A variable that names no setting (KAFKA_HEAP_OPTS) is somebody else's business.
            if (SettingOf((string)variable.Key) is { } setting)
            {
                yield return KeyValuePair.Create($"Kafka:{setting}", (string?)variable.Value);
            }
        }
    }

    private static string? SettingOf(string variable)
    {
        if (!variable.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        string name = variable[Prefix.Length..].Replace('_', '.').ToLowerInvariant();
        return SettingTable.Broker.Find(name) is null ? null : name;
    }
}
