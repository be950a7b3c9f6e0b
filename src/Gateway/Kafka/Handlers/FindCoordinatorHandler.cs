using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Groups;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// FindCoordinator, versions 0-6: which broker leads the partition that keeps a group's, transaction's or share
/// partition's state. v4 asks for several keys at once; v6 knows share groups (KIP-932).
/// Differs from Kafka: the internal topic is made on the way, so that the first answer is the final one.
/// </summary>
internal sealed class FindCoordinatorHandler(BrokerView broker, TopicCreation creation)
    : RequestHandler<FindCoordinatorRequest, FindCoordinatorResponse>
{
    private const sbyte Group = 0;
    private const sbyte Transaction = 1;
    private const sbyte Share = 2;
    private const short ShareFirstVersion = 6;

    protected override async ValueTask<FindCoordinatorResponse?> HandleAsync(
        RequestContext context, FindCoordinatorRequest request)
    {
        var response = new FindCoordinatorResponse { NodeId = -1, Port = -1 };
        if (context.ApiVersion >= 4)
        {
            foreach (string key in request.CoordinatorKeys)
            {
                response.Coordinators.Add(await FindAsync(request.KeyType, key, context));
            }

            return response;
        }

        FindCoordinatorResponse.Coordinator found = await FindAsync(request.KeyType, request.Key, context);
        response.ErrorCode = found.ErrorCode;
        response.ErrorMessage = found.ErrorCode switch
        {
            ErrorCode.None => "NONE",
            ErrorCode.CoordinatorNotAvailable => "The coordinator is not available.",
            _ => found.ErrorMessage,
        };
        response.NodeId = found.NodeId;
        response.Host = found.Host;
        response.Port = found.Port;
        return response;
    }

    private async Task<FindCoordinatorResponse.Coordinator> FindAsync(sbyte keyType, string key, RequestContext context)
    {
        string? topicName = keyType switch
        {
            Group => TopicName.ConsumerOffsets,
            Transaction => TopicName.TransactionState,
            Share when context.ApiVersion >= ShareFirstVersion && IsShareKey(key) => TopicName.ShareGroupState,
            _ => null,
        };
        if (topicName is null)
        {
            string message = keyType == Share ? "" : "This most likely occurs because of a request being malformed by "
                + "the client library or the message was sent to an incompatible broker. See the broker logs for more details.";
            return Failed(key, ErrorCode.InvalidRequest, message);
        }

        if (!broker.Metadata.Topics.TryGetValue(topicName, out TopicImage? topic))
        {
            topic = (await creation.CreateAsync(topicName)).Topic;
        }

        if (topic is null)
        {
            return Failed(key, ErrorCode.CoordinatorNotAvailable, "");
        }

        PartitionImage partition = topic.Partitions[CoordinatorPartition.Of(key, topic.Partitions.Length)];
        if (!broker.Live.Contains(partition.Leader) ||
            !broker.Metadata.Brokers.TryGetValue(partition.Leader, out BrokerRegistration? leader) ||
            leader.AddressOn(context.Connection.ListenerName) is not { } address)
        {
            return Failed(key, ErrorCode.CoordinatorNotAvailable, "");
        }

        return new FindCoordinatorResponse.Coordinator
        {
            Key = key,
            NodeId = leader.BrokerId,
            Host = address.Host,
            Port = address.Port,
            ErrorMessage = "",
        };
    }

    /// <summary>A share coordinator's key is <c>group:topic id:partition</c>; the group may hold colons itself.</summary>
    private static bool IsShareKey(string key)
    {
        int last = key.LastIndexOf(':');
        int middle = last <= 0 ? -1 : key.LastIndexOf(':', last - 1);
        return middle > 0 && int.TryParse(key.AsSpan(last + 1), out int partition) && partition >= 0 &&
            KafkaUuid.TryParse(key[(middle + 1)..last], out _);
    }

    private static FindCoordinatorResponse.Coordinator Failed(string key, ErrorCode error, string message) => new()
    {
        Key = key,
        ErrorCode = error,
        ErrorMessage = message,
        NodeId = -1,
        Host = "",
        Port = -1,
    };
}
