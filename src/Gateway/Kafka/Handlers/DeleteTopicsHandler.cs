using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>DeleteTopics, versions 1-6; v6 can name topics by id. The name is free again when the answer is given.</summary>
internal sealed class DeleteTopicsHandler(BrokerView broker) : RequestHandler<DeleteTopicsRequest, DeleteTopicsResponse>
{
    protected override async ValueTask<DeleteTopicsResponse?> HandleAsync(
        RequestContext context, DeleteTopicsRequest request)
    {
        var response = new DeleteTopicsResponse();
        List<(string? Name, KafkaUuid Id)> wanted = context.ApiVersion >= 6
            ? [.. request.Topics.Select(topic => (topic.Name, topic.TopicId))]
            : [.. request.TopicNames.Select(name => ((string?)name, KafkaUuid.Zero))];
        foreach (IGrouping<(string? Name, KafkaUuid Id), (string?, KafkaUuid)> group in wanted.GroupBy(each => each))
        {
            response.Responses.Add(group.Count() > 1
                ? Refused(group.Key, ErrorCode.InvalidRequest, "Duplicate topic.")
                : await DeleteAsync(group.Key));
        }

        return response;
    }

    private async Task<DeleteTopicsResponse.DeletableTopicResult> DeleteAsync((string? Name, KafkaUuid Id) wanted)
    {
        bool byId = wanted.Name is null;
        if (byId == (wanted.Id == KafkaUuid.Zero))
        {
            return Refused(
                wanted, ErrorCode.InvalidRequest, byId
                    ? "Neither topic name nor id were specified."
                    : "You may not specify both topic name and topic id.");
        }

        if (!broker.Settings.DeleteTopics)
        {
            return Refused(wanted, ErrorCode.TopicDeletionDisabled, "Topic deletion is disabled.");
        }

        string? name = wanted.Name;
        if (byId)
        {
            if (!broker.Metadata.TopicsById.TryGetValue(wanted.Id.ToGuid(), out TopicImage? topic))
            {
                return Refused(wanted, ErrorCode.UnknownTopicId, "This server does not host this topic ID.");
            }

            name = topic.Name;
        }

        broker.Metadata.Topics.TryGetValue(name!, out TopicImage? known);
        TopicOutcome outcome = await broker.Cluster.DeleteTopicAsync(name!, byId ? wanted.Id.ToGuid() : Guid.Empty).OrFailure();
        return new DeleteTopicsResponse.DeletableTopicResult
        {
            Name = name,
            TopicId = outcome.Error == 0 && known is not null ? known.Id.ToKafkaUuid() : wanted.Id,
            ErrorCode = (ErrorCode)outcome.Error,
            ErrorMessage = outcome.Message,
        };
    }

    private static DeleteTopicsResponse.DeletableTopicResult Refused(
        (string? Name, KafkaUuid Id) wanted, ErrorCode error, string message) => new()
        {
            Name = wanted.Name,
            TopicId = wanted.Id,
            ErrorCode = error,
            ErrorMessage = message,
        };
}
