using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>CreatePartitions, versions 0-3. Answers when the new partitions serve.</summary>
internal sealed class CreatePartitionsHandler(BrokerView broker)
    : RequestHandler<CreatePartitionsRequest, CreatePartitionsResponse>
{
    protected override async ValueTask<CreatePartitionsResponse?> HandleAsync(
        RequestContext context, CreatePartitionsRequest request)
    {
        var response = new CreatePartitionsResponse();
        foreach (IGrouping<string, CreatePartitionsRequest.CreatePartitionsTopic> group in
            request.Topics.GroupBy(topic => topic.Name))
        {
            TopicOutcome outcome = group.Count() > 1
                ? new TopicOutcome { Error = (short)ErrorCode.InvalidRequest, Message = "Duplicate topic name." }
                : await AddAsync(group.Single(), request.ValidateOnly);
            response.Results.Add(new CreatePartitionsResponse.CreatePartitionsTopicResult
            {
                Name = group.Key,
                ErrorCode = (ErrorCode)outcome.Error,
                ErrorMessage = outcome.Message,
            });
        }

        return response;
    }

    private Task<TopicOutcome> AddAsync(CreatePartitionsRequest.CreatePartitionsTopic wanted, bool validateOnly) =>
        broker.Cluster.CreatePartitionsAsync(new PartitionsToAdd
        {
            Topic = wanted.Name,
            TotalCount = wanted.Count,
            Assignments = wanted.Assignments is null
                ? null
                : [.. wanted.Assignments.Select(each => each.BrokerIds.ToArray())],
            ValidateOnly = validateOnly,
        }).OrFailure();
}
