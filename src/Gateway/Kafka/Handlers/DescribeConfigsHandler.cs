using System.Globalization;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// DescribeConfigs, versions 1-4. v1 tells sources and synonyms (KIP-226), v3 types and documentation (KIP-569). The
/// documentation is ours. Loggers are set where the process is configured, so a broker has none to show.
/// </summary>
internal sealed class DescribeConfigsHandler(BrokerView broker)
    : RequestHandler<DescribeConfigsRequest, DescribeConfigsResponse>
{
    private const string UnknownTypeMessage = "This kind of resource is unknown to the broker.";
    private static readonly Dictionary<string, string> NothingSet = [];

    protected override ValueTask<DescribeConfigsResponse?> HandleAsync(
        RequestContext context, DescribeConfigsRequest request)
    {
        var response = new DescribeConfigsResponse();
        foreach (var resource in request.Resources)
        {
            response.Results.Add(Describe(resource, request));
        }

        return ValueTask.FromResult<DescribeConfigsResponse?>(response);
    }

    private DescribeConfigsResponse.DescribeConfigsResult Describe(
        DescribeConfigsRequest.DescribeConfigsResource resource, DescribeConfigsRequest request)
    {
        var result = new DescribeConfigsResponse.DescribeConfigsResult
        {
            ErrorMessage = "",
            ResourceType = resource.ResourceType,
            ResourceName = resource.ResourceName,
        };
        var problem = Find(resource, out var entries);
        if (!problem.IsNone)
        {
            result.ErrorCode = problem.Code;
            result.ErrorMessage = problem.Message;
            return result;
        }

        foreach (var entry in entries)
        {
            result.Configs.Add(Show(entry, request));
        }

        return result;
    }

    private ConfigProblem Find(DescribeConfigsRequest.DescribeConfigsResource resource, out List<ConfigEntry> entries)
    {
        entries = [];
        var description = new ConfigDescription(broker.Settings);
        var names = resource.ConfigurationKeys;
        switch ((ConfigResourceType)resource.ResourceType)
        {
            case ConfigResourceType.Topic:
                if (TopicName.Fault(resource.ResourceName) is { } fault)
                {
                    return new ConfigProblem(ErrorCode.InvalidTopicException, fault);
                }

                if (!broker.Metadata.Topics.TryGetValue(resource.ResourceName, out var topic))
                {
                    return new ConfigProblem(ErrorCode.UnknownTopicOrPartition, "");
                }

                entries = description.Topic(topic.Configs, names);
                return ConfigProblem.None;
            case ConfigResourceType.Broker when resource.ResourceName.Length == 0:
                entries = description.AllBrokers(names);
                return ConfigProblem.None;
            case ConfigResourceType.Broker:
                var problem = CheckBroker(resource.ResourceName);
                entries = problem.IsNone ? description.Broker(names) : [];
                return problem;
            case ConfigResourceType.BrokerLogger:
                return resource.ResourceName.Length == 0 ? ConfigProblem.None : CheckBroker(resource.ResourceName);
            case ConfigResourceType.ClientMetrics:
                entries = description.ClientMetrics(Set(resource), names);
                return ConfigProblem.None;
            case ConfigResourceType.Group:
                entries = description.Group(Set(resource), names);
                return ConfigProblem.None;
            default:
                return new ConfigProblem(ErrorCode.InvalidRequest, UnknownTypeMessage);
        }
    }

    private ConfigProblem CheckBroker(string name)
    {
        if (!int.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var id))
        {
            return new ConfigProblem(ErrorCode.InvalidRequest, $"Broker id must be an integer, but it is: {name}");
        }

        return id == broker.NodeId
            ? ConfigProblem.None
            : new ConfigProblem(
                ErrorCode.InvalidRequest,
                $"Unexpected broker id, expected {broker.NodeId} or empty string, but received {name}");
    }

    private IReadOnlyDictionary<string, string> Set(DescribeConfigsRequest.DescribeConfigsResource resource) =>
        broker.Metadata.ResourceConfigs.GetValueOrDefault(
            ConfigReplacement.KeyOf(resource.ResourceType, resource.ResourceName)) ?? NothingSet;

    private static DescribeConfigsResponse.DescribeConfigsResourceResult Show(
        ConfigEntry entry, DescribeConfigsRequest request)
    {
        var shown = new DescribeConfigsResponse.DescribeConfigsResourceResult
        {
            Name = entry.Definition.Name,
            Value = entry.Value,
            ReadOnly = entry.ReadOnly,
            ConfigSource = (sbyte)entry.Source,
            IsSensitive = entry.Definition.IsSensitive,
            ConfigType = (sbyte)entry.Definition.Type,
            Documentation = request.IncludeDocumentation ? entry.Definition.Documentation : null,
        };
        foreach (var synonym in request.IncludeSynonyms ? entry.Synonyms : [])
        {
            shown.Synonyms.Add(new DescribeConfigsResponse.DescribeConfigsSynonym
            {
                Name = synonym.Name,
                Value = synonym.Value,
                Source = (sbyte)synonym.Source,
            });
        }

        return shown;
    }
}
