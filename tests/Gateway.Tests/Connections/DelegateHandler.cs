using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Tests.Connections;

/// <summary>A handler that is a delegate on raw bytes.</summary>
internal sealed class DelegateHandler(
    ApiKey key, Action<RequestContext> handle, RequestOrder order = RequestOrder.Pipelined, short max = 0)
    : RequestHandler(key, 0, max)
{
    public override RequestOrder Order => order;

    public override void Handle(RequestContext context) => handle(context);

    /// <summary>Answers with the body.</summary>
    public static void Echo(RequestContext context)
    {
        foreach (ReadOnlyMemory<byte> part in context.Body)
        {
            part.Span.CopyTo(context.Response.GetSpan(part.Length));
            context.Response.Advance(part.Length);
        }

        context.Response.Complete();
    }
}
