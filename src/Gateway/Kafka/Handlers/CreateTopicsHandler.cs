using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// CreateTopics, versions 2-7. v5 answers with the topic's settings, v7 with its id. Answers when every replica
/// serves, so that the next request of the client finds its leader.
/// </summary>
internal sealed class CreateTopicsHandler(BrokerView broker)
    : RequestHandler<CreateTopicsRequest, CreateTopicsResponse>
{
    private const int PartitionsPerRequestMax = 10_000;

    protected override async ValueTask<CreateTopicsResponse?> HandleAsync(
        RequestContext context, CreateTopicsRequest request)
    {
        var response = new CreateTopicsResponse();
        HashSet<string> twice = [.. request.Topics.GroupBy(topic => topic.Name)
            .Where(group => group.Count() > 1).Select(group => group.Key)];
        foreach (string name in twice)
        {
            response.Topics.Add(Refused(name, ErrorCode.InvalidRequest, "Duplicate topic name."));
        }

        long partitions = request.Topics.Sum(topic => (long)Math.Max(topic.Assignments.Count, topic.NumPartitions));
        foreach (CreateTopicsRequest.CreatableTopic wanted in request.Topics)
        {
            if (twice.Contains(wanted.Name))
            {
                continue;
            }

            if (partitions >= PartitionsPerRequestMax)
            {
                response.Topics.Add(Refused(
                    wanted.Name, ErrorCode.PolicyViolation, "Unable to perform excessively large batch operation."));
            }
            else if (request.TimeoutMs <= 0)
            {
                response.Topics.Add(Refused(wanted.Name, ErrorCode.RequestTimedOut, null));
            }
            else
            {
                response.Topics.Add(await CreateAsync(wanted, request.ValidateOnly));
            }
        }

        return response;
    }

    private async Task<CreateTopicsResponse.CreatableTopicResult> CreateAsync(
        CreateTopicsRequest.CreatableTopic wanted, bool validateOnly)
    {
        if (FaultOf(wanted) is { } fault)
        {
            return fault;
        }

        TopicOutcome outcome = await broker.Cluster.CreateTopicAsync(new TopicToCreate
        {
            Name = wanted.Name,
            Partitions = wanted.NumPartitions,
            ReplicationFactor = wanted.ReplicationFactor,
            Assignments = wanted.Assignments.Count == 0
                ? null
                : wanted.Assignments.ToDictionary(each => each.PartitionIndex, each => each.BrokerIds.ToArray()),
            Configs = LastOfEach(wanted.Configs),
            ValidateOnly = validateOnly,
        }).OrFailure();
        if (outcome.Topic is not { } topic)
        {
            return Refused(wanted.Name, (ErrorCode)outcome.Error, outcome.Message);
        }

        return new CreateTopicsResponse.CreatableTopicResult
        {
            Name = topic.Name,
            TopicId = topic.Id.ToKafkaUuid(),
            NumPartitions = topic.Partitions.Length,
            ReplicationFactor = (short)topic.Partitions[0].Replicas.Length,
            Configs = [.. new ConfigDescription(broker.Settings).Topic(topic.Configs, names: null).Select(entry =>
                new CreateTopicsResponse.CreatableTopicConfigs
                {
                    Name = entry.Definition.Name,
                    Value = entry.Value,
                    ReadOnly = entry.ReadOnly,
                    ConfigSource = (sbyte)entry.Source,
                    IsSensitive = entry.Definition.IsSensitive,
                })],
        };
    }

    private static CreateTopicsResponse.CreatableTopicResult? FaultOf(CreateTopicsRequest.CreatableTopic wanted) =>
        wanted.Assignments.GroupBy(each => each.PartitionIndex).Any(group => group.Count() > 1)
            ? Refused(
                wanted.Name, ErrorCode.InvalidReplicaAssignment, "Found multiple manual assignments for a partition.")
            : null;

    private static Dictionary<string, string?> LastOfEach(List<CreateTopicsRequest.CreatableTopicConfig> configs)
    {
        var values = new Dictionary<string, string?>(configs.Count);
        foreach (CreateTopicsRequest.CreatableTopicConfig config in configs)
        {
            values[config.Name] = config.Value;
        }

        return values;
    }

    private static CreateTopicsResponse.CreatableTopicResult Refused(string name, ErrorCode error, string? message) => new()
    {
        Name = name,
        ErrorCode = error,
        ErrorMessage = message,
        NumPartitions = -1,
        ReplicationFactor = -1,
        Configs = [],
    };
}
