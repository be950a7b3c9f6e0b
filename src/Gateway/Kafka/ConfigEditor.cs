using System.Globalization;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;

namespace Orleans.Kafka.Gateway.Kafka;

/// <summary>Changes settings of topics, brokers, groups and client metrics subscriptions, for both APIs that do.</summary>
internal sealed class ConfigEditor(BrokerView broker)
{
    /// <summary>How often a change is worked out anew because somebody else changed the same settings meanwhile.</summary>
    private const int AttemptsMax = 10;

    private static readonly Dictionary<string, string> NothingSet = [];

    /// <summary>Works out what is to be set from what is set now.</summary>
    internal delegate ConfigProblem Change(
        ConfigAlteration alteration, IReadOnlyDictionary<string, string> current, out Dictionary<string, string> result);

    /// <summary>
    /// Changes the settings of one resource. When it answers without a problem, every live broker applies them, unless
    /// they were only to be checked.
    /// </summary>
    public async Task<ConfigProblem> ChangeAsync(sbyte type, string name, bool validateOnly, Change change)
    {
        var resourceType = (ConfigResourceType)type;
        var problem = CheckResource(resourceType, name);
        for (var attempt = 0; problem.IsNone && attempt < AttemptsMax; attempt++)
        {
            var current = Current(resourceType, name);
            var forAllBrokers = resourceType == ConfigResourceType.Broker && name.Length == 0;
            problem = change(new ConfigAlteration(resourceType, forAllBrokers, broker.Settings), current, out var result);
            if (!problem.IsNone || validateOnly)
            {
                return problem;
            }

            var outcome = await broker.Cluster.ChangeConfigsAsync(new ConfigReplacement
            {
                ResourceType = type,
                Name = name,
                Configs = result,
                Expected = new Dictionary<string, string>(current),
            }).OrFailure();
            if (!outcome.IsConflict)
            {
                return new ConfigProblem((ErrorCode)outcome.Error, outcome.Message);
            }
        }

        return problem.IsNone
            ? new ConfigProblem(ErrorCode.RequestTimedOut, "The settings kept being changed by others.")
            : problem;
    }

    private ConfigProblem CheckResource(ConfigResourceType type, string name)
    {
        switch (type)
        {
            case ConfigResourceType.Topic when name.Length == 0:
                return Refused("Default topic resources are not allowed.");
            case ConfigResourceType.Topic:
                return broker.Metadata.Topics.ContainsKey(name)
                    ? ConfigProblem.None
                    : new ConfigProblem(ErrorCode.UnknownTopicOrPartition, $"The topic '{name}' does not exist.");
            case ConfigResourceType.Broker when name.Length == 0:
                return ConfigProblem.None;
            case ConfigResourceType.Broker:
                return CheckBroker(name);
            case ConfigResourceType.BrokerLogger:
                return Refused("The levels of loggers are set where the process is configured (Logging:LogLevel).");
            case ConfigResourceType.ClientMetrics or ConfigResourceType.Group when name.Length == 0:
                return Refused("The name of the resource is empty.");
            case ConfigResourceType.ClientMetrics or ConfigResourceType.Group:
                return ConfigProblem.None;
            default:
                return Refused($"Unknown resource type {(sbyte)type}.");
        }
    }

    private ConfigProblem CheckBroker(string name)
    {
        if (!int.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var id))
        {
            return Refused($"Broker id must be an integer, but it is: {name}");
        }

        return id == broker.NodeId
            ? ConfigProblem.None
            : Refused($"Unexpected broker id, expected {broker.NodeId}, but received {name}");
    }

    private IReadOnlyDictionary<string, string> Current(ConfigResourceType type, string name)
    {
        var image = broker.Metadata;
        return type switch
        {
            ConfigResourceType.Topic => image.Topics.TryGetValue(name, out var topic) ? topic.Configs : NothingSet,
            ConfigResourceType.Broker when name.Length == 0 => image.ClusterConfigs,
            ConfigResourceType.Broker => image.BrokerConfigs.GetValueOrDefault(broker.NodeId) ?? NothingSet,
            _ => image.ResourceConfigs.GetValueOrDefault(ConfigReplacement.KeyOf((sbyte)type, name)) ?? NothingSet,
        };
    }

    private static ConfigProblem Refused(string message) => new(ErrorCode.InvalidRequest, message);
}
