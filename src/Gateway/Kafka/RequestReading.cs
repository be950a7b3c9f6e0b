using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Kafka;

/// <summary>Reads request bodies for the handlers that do not wait for a task.</summary>
internal static class RequestReading
{
    /// <summary>Reads the body. When it cannot be parsed, has the connection closed and answers false.</summary>
    public static bool TryRead(this RequestContext context, IKafkaRequest request)
    {
        var reader = new KafkaReader(context.Body);
        request.Read(ref reader, context.ApiVersion);
        if (reader.Failed)
        {
            context.Response.Close(CloseReason.MalformedRequest, $"{context.ApiKey} v{context.ApiVersion}");
        }

        return !reader.Failed;
    }
}
