using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// Fetch, versions 4-18. v7 has sessions (KIP-227), v9 leader epochs, v12 diverging epochs, v13 topic ids.
/// </summary>
/// <remarks>
/// The answer names ranges of segment files, which the connection sends without copying. A fetch that finds too
/// little is parked at its partitions and at one deadline; it holds no thread, task or timer of its own.
/// </remarks>
internal sealed class FetchHandler(BrokerView broker, DeadlineWheel deadlines, FetchSessions sessions)
    : RequestHandler(ApiKey.Fetch, FirstVersion, LastVersion)
{
    private const short FirstVersion = 4;
    private const short LastVersion = 18;
    private const short FirstVersionWithTopicIds = 13;

    public override RequestOrder Order => RequestOrder.Independent;

    public override void Handle(RequestContext context)
    {
        var request = new FetchRequest();
        if (!context.TryRead(request))
        {
            return;
        }

        if (request.IsolationLevel is < 0 or > 1)
        {
            context.Response.Complete(Refusal(request, context.ApiVersion));
            return;
        }

        bool byTopicIds = context.ApiVersion >= FirstVersionWithTopicIds;
        ErrorCode error = sessions.Begin(request, byTopicIds, out Action<FetchResponse>? completion);
        if (error != ErrorCode.None)
        {
            context.Response.Complete(new FetchResponse { ErrorCode = error });
            return;
        }

        new FetchCall(context, request, broker, deadlines, completion).Start();
    }

    /// <summary>The answer to a request that makes no sense: names can be repeated in it, ids cannot.</summary>
    private static FetchResponse Refusal(FetchRequest request, short version)
    {
        var response = new FetchResponse { ErrorCode = ErrorCode.UnknownServerError };
        foreach (FetchRequest.FetchTopic asked in version < FirstVersionWithTopicIds ? request.Topics : [])
        {
            var topic = new FetchResponse.FetchableTopicResponse { Topic = asked.Topic };
            response.Responses.Add(topic);
            foreach (FetchRequest.FetchPartition partition in asked.Partitions)
            {
                topic.Partitions.Add(FetchAnswer.Failed(partition, ErrorCode.UnknownServerError));
            }
        }

        return response;
    }
}
