using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// A handler that works with message objects: the choice for everything that is not served tens of thousands of
/// times a second. Sequential, as in Kafka, unless <see cref="RequestHandler.Order"/> says otherwise.
/// </summary>
/// <typeparam name="TRequest">The request.</typeparam>
/// <typeparam name="TResponse">The response.</typeparam>
public abstract class RequestHandler<TRequest, TResponse> : RequestHandler
    where TRequest : class, IKafkaRequest, new()
    where TResponse : class, IKafkaResponse
{
    /// <summary>Serves all versions that are stable in the catalog.</summary>
    protected RequestHandler()
        : this(ApiCatalog.MinVersion(TRequest.Key), ApiCatalog.MaxVersion(TRequest.Key))
    {
    }

    /// <summary>Serves a range of versions.</summary>
    protected RequestHandler(short minVersion, short maxVersion)
        : base(TRequest.Key, minVersion, maxVersion, AdvertisedMin(minVersion))
    {
    }

    /// <summary>
    /// True has <see cref="HandleAsync"/> begin on the thread pool: for what blocks or computes for long
    /// before its first await.
    /// </summary>
    protected virtual bool RunsOnThreadPool => false;

    /// <inheritdoc/>
    public sealed override void Handle(RequestContext context)
    {
        var request = new TRequest();
        if (!context.TryRead(request))
        {
            return;
        }

        if (RunsOnThreadPool)
        {
            context.KeepBody();
            ThreadPool.UnsafeQueueUserWorkItem(
                static work => work.Handler.Start(work.Context, work.Request),
                (Handler: this, Context: context, Request: request),
                preferLocal: false);
            return;
        }

        Start(context, request);
    }

    /// <summary>
    /// Serves a request. Byte slices in it (records) stay valid until the response has left. Errors that have a code
    /// are answered with it; an exception closes the connection. Null is no answer.
    /// </summary>
    protected abstract ValueTask<TResponse?> HandleAsync(RequestContext context, TRequest request);

    private static short AdvertisedMin(short minVersion) =>
        Math.Min(minVersion, ApiCatalog.AdvertisedMinVersion(TRequest.Key));

    private void Start(RequestContext context, TRequest request)
    {
        ValueTask<TResponse?> answer;
        try
        {
            answer = HandleAsync(context, request);
        }
        catch (Exception e)
        {
            context.Response.Fail(e);
            return;
        }

        if (answer.IsCompletedSuccessfully)
        {
            Answer(context, answer.Result);
            return;
        }

        context.KeepBody();
        _ = FinishAsync(context, answer);
    }

    private static async Task FinishAsync(RequestContext context, ValueTask<TResponse?> answer)
    {
        TResponse? response;
        try
        {
            response = await answer.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            context.Response.Fail(e);
            return;
        }

        Answer(context, response);
    }

    private static void Answer(RequestContext context, TResponse? response)
    {
        if (response is null)
        {
            context.Response.CompleteWithoutAnswer();
        }
        else
        {
            context.Response.Complete(response);
        }
    }
}
