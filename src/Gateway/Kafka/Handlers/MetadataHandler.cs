using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// Metadata, versions 0-13: who is alive, which topics there are, who leads their partitions.
/// v0 takes an empty list for all topics, later versions null; v4 can forbid auto-creation; v10 has topic ids,
/// by which v12 can ask.
/// Differs from Kafka: a topic that the request creates is in the same answer, because it serves by then.
/// </summary>
internal sealed class MetadataHandler(BrokerView broker, TopicCreation creation)
    : RequestHandler<MetadataRequest, MetadataResponse>
{
    protected override async ValueTask<MetadataResponse?> HandleAsync(
        RequestContext context, MetadataRequest request)
    {
        short version = context.ApiVersion;
        MetadataImage image = broker.Metadata;
        bool byId = request.Topics?.Exists(topic => topic.TopicId != KafkaUuid.Zero) == true;
        bool nameless = request.Topics?.Exists(topic => topic.Name is null) == true;
        if (version is 10 or 11 && (byId || nameless))
        {
            return Refusal(request, ErrorCode.InvalidRequest);
        }

        if (nameless && !byId)
        {
            return Refusal(request, ErrorCode.UnknownServerError);
        }

        var response = new MetadataResponse
        {
            ClusterId = image.ClusterId,
            ControllerId = broker.ControllerId(image),
        };
        foreach (BrokerRegistration registration in broker.Live.Among(image))
        {
            if (registration.AddressOn(context.Connection.ListenerName) is { } address)
            {
                response.Brokers.Add(new MetadataResponse.MetadataResponseBroker
                {
                    NodeId = registration.BrokerId,
                    Host = address.Host,
                    Port = address.Port,
                    Rack = registration.Rack,
                });
            }
        }

        bool all = request.Topics is null || (version == 0 && request.Topics.Count == 0);
        if (all)
        {
            foreach (TopicImage topic in image.Topics.Values)
            {
                response.Topics.Add(Describe(topic, request));
            }
        }
        else
        {
            await AnswerAskedAsync(request, image, response);
        }

        if (request.IncludeClusterAuthorizedOperations)
        {
            response.ClusterAuthorizedOperations = AuthorizedOperations.OnCluster;
        }

        return response;
    }

    private async ValueTask AnswerAskedAsync(MetadataRequest request, MetadataImage image, MetadataResponse response)
    {
        bool byId = request.Topics!.Exists(topic => topic.TopicId != KafkaUuid.Zero);
        var answered = new HashSet<(string?, KafkaUuid)>();
        foreach (MetadataRequest.MetadataRequestTopic asked in request.Topics!)
        {
            if (!answered.Add((asked.Name, asked.TopicId)))
            {
                continue;
            }

            if (!byId)
            {
                response.Topics.Add(await AnswerByNameAsync(asked.Name!, request, image));
            }
            else if (asked.TopicId != KafkaUuid.Zero)
            {
                // As in Kafka: with one id in the request, names do not count.
                response.Topics.Add(AnswerById(asked.TopicId, request, image));
            }
        }
    }

    private MetadataResponse.MetadataResponseTopic AnswerById(
        KafkaUuid id, MetadataRequest request, MetadataImage image) =>
        image.TopicsById.TryGetValue(id.ToGuid(), out TopicImage? topic)
            ? Describe(topic, request)
            : Failed(null, id, ErrorCode.UnknownTopicId);

    private async ValueTask<MetadataResponse.MetadataResponseTopic> AnswerByNameAsync(
        string name, MetadataRequest request, MetadataImage image)
    {
        if (image.Topics.TryGetValue(name, out TopicImage? topic))
        {
            return Describe(topic, request);
        }

        if (!request.AllowAutoTopicCreation || !broker.Settings.AutoCreateTopics)
        {
            ErrorCode error = TopicName.Fault(name) is null
                ? ErrorCode.UnknownTopicOrPartition
                : ErrorCode.InvalidTopicException;
            return Failed(name, KafkaUuid.Zero, error);
        }

        TopicOutcome outcome = await creation.CreateAsync(name);
        return outcome.Topic is { } created
            ? Describe(created, request)
            : Failed(name, KafkaUuid.Zero, outcome.Error == (short)ErrorCode.RequestTimedOut
                ? ErrorCode.LeaderNotAvailable
                : (ErrorCode)outcome.Error);
    }

    private MetadataResponse.MetadataResponseTopic Describe(TopicImage topic, MetadataRequest request)
    {
        var described = new MetadataResponse.MetadataResponseTopic
        {
            Name = topic.Name,
            TopicId = topic.Id.ToKafkaUuid(),
            IsInternal = TopicName.IsInternal(topic.Name),
        };
        if (request.IncludeTopicAuthorizedOperations)
        {
            described.TopicAuthorizedOperations = AuthorizedOperations.OnTopic;
        }

        foreach (PartitionImage partition in topic.Partitions)
        {
            described.Partitions.Add(Describe(partition));
        }

        return described;
    }

    private MetadataResponse.MetadataResponsePartition Describe(PartitionImage partition)
    {
        int leader = broker.LiveLeader(partition);
        return new MetadataResponse.MetadataResponsePartition
        {
            ErrorCode = leader >= 0 ? ErrorCode.None : ErrorCode.LeaderNotAvailable,
            PartitionIndex = partition.Partition,
            LeaderId = leader,
            LeaderEpoch = partition.LeaderEpoch,
            ReplicaNodes = [.. partition.Replicas],
            IsrNodes = [.. partition.InSyncReplicas],
            OfflineReplicas = [.. broker.OfflineReplicas(partition)],
        };
    }

    private static MetadataResponse.MetadataResponseTopic Failed(string? name, KafkaUuid id, ErrorCode error) => new()
    {
        ErrorCode = error,
        Name = name,
        TopicId = id,
        IsInternal = name is not null && TopicName.IsInternal(name),
    };

    /// <summary>The answer to a request that asks in a way its version has not: by id before v12, or by nothing.</summary>
    private static MetadataResponse Refusal(MetadataRequest request, ErrorCode error)
    {
        var response = new MetadataResponse { ErrorCode = error, ClusterId = null, ControllerId = -1 };
        foreach (MetadataRequest.MetadataRequestTopic asked in request.Topics!)
        {
            response.Topics.Add(Failed(asked.Name ?? "", asked.TopicId, error));
        }

        return response;
    }
}
