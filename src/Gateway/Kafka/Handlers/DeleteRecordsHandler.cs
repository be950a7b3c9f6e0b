using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// DeleteRecords, versions 0-2 (KIP-107): moves the log start forward; -1 stands for the high watermark. The new log
/// start is durable when the answer is given.
/// </summary>
internal sealed class DeleteRecordsHandler(BrokerView broker, ReplicaHost replicas)
    : RequestHandler<DeleteRecordsRequest, DeleteRecordsResponse>
{
    protected override async ValueTask<DeleteRecordsResponse?> HandleAsync(
        RequestContext context, DeleteRecordsRequest request)
    {
        MetadataImage metadata = broker.Metadata;
        var response = new DeleteRecordsResponse();
        foreach (DeleteRecordsRequest.DeleteRecordsTopic asked in request.Topics)
        {
            metadata.Topics.TryGetValue(asked.Name, out TopicImage? topic);
            var answer = new DeleteRecordsResponse.DeleteRecordsTopicResult { Name = asked.Name };
            response.Topics.Add(answer);
            foreach (DeleteRecordsRequest.DeleteRecordsPartition partition in asked.Partitions)
            {
                answer.Partitions.Add(await DeleteAsync(topic, partition));
            }
        }

        return response;
    }

    private async Task<DeleteRecordsResponse.DeleteRecordsPartitionResult> DeleteAsync(
        TopicImage? topic, DeleteRecordsRequest.DeleteRecordsPartition asked)
    {
        ErrorCode error = broker.FindLeader(topic, asked.PartitionIndex, out Replica? replica);
        if (error == ErrorCode.None && TopicName.IsInternal(topic!.Name))
        {
            error = ErrorCode.InvalidTopicException;
        }

        long logStart = -1;
        if (error == ErrorCode.None)
        {
            (error, logStart) = await replicas.DeleteRecordsAsync(replica!, asked.Offset);
        }

        return new DeleteRecordsResponse.DeleteRecordsPartitionResult
        {
            PartitionIndex = asked.PartitionIndex,
            ErrorCode = error,
            LowWatermark = error == ErrorCode.None ? logStart : -1,
        };
    }
}
