using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Placement;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// InitProducerId, versions 0-5, without a transactional id: a fresh producer id at epoch 0, from any broker. With a
/// transactional id there is no coordinator to ask: COORDINATOR_NOT_AVAILABLE.
/// </summary>
internal sealed class InitProducerIdHandler(ProducerIds ids)
    : RequestHandler<InitProducerIdRequest, InitProducerIdResponse>
{
    protected override async ValueTask<InitProducerIdResponse?> HandleAsync(
        RequestContext context, InitProducerIdRequest request)
    {
        if ((request.ProducerId < 0) != (request.ProducerEpoch < 0))
        {
            return Refused(ErrorCode.InvalidRequest);
        }

        if (request.TransactionalId is not null)
        {
            return Refused(request.TransactionalId.Length == 0
                ? ErrorCode.InvalidRequest
                : ErrorCode.CoordinatorNotAvailable);
        }

        try
        {
            return new InitProducerIdResponse { ProducerId = await ids.NextAsync(), ProducerEpoch = 0 };
        }
        catch (Exception exception) when (GrainFailure.MayPass(exception))
        {
            // Kafka's own words for a producer that must ask again because ids have run out.
            return Refused(ErrorCode.CoordinatorLoadInProgress);
        }
    }

    private static InitProducerIdResponse Refused(ErrorCode error) =>
        new() { ErrorCode = error, ProducerId = -1, ProducerEpoch = -1 };
}
