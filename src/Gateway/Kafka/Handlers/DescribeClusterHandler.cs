using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Protocol.Messages;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// DescribeCluster, versions 0-2: cluster id, controller, brokers. v1 names the kind of endpoint (KIP-919): there are
/// no controllers of their own here; v2 can show brokers that are registered and not alive.
/// </summary>
internal sealed class DescribeClusterHandler(BrokerView broker)
    : RequestHandler<DescribeClusterRequest, DescribeClusterResponse>
{
    private const sbyte Brokers = 1;
    private const sbyte Controllers = 2;

    protected override ValueTask<DescribeClusterResponse?> HandleAsync(
        RequestContext context, DescribeClusterRequest request)
    {
        var response = new DescribeClusterResponse { EndpointType = Brokers, ControllerId = -1 };
        if (request.EndpointType != Brokers)
        {
            (ErrorCode error, string message) = request.EndpointType == Controllers
                ? (ErrorCode.MismatchedEndpointType,
                    "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER")
                : (ErrorCode.UnsupportedEndpointType, $"Unsupported endpoint type {request.EndpointType}");
            response.ErrorCode = error;
            response.ErrorMessage = message;
            return new(response);
        }

        MetadataImage image = broker.Metadata;
        response.ClusterId = image.ClusterId;
        response.ControllerId = broker.ControllerId(image);
        foreach (BrokerRegistration registration in image.Brokers.Values.OrderBy(each => each.BrokerId))
        {
            bool isLive = broker.Live.Contains(registration.BrokerId);
            if ((isLive || request.IncludeFencedBrokers) &&
                registration.AddressOn(context.Connection.ListenerName) is { } address)
            {
                response.Brokers.Add(new DescribeClusterResponse.DescribeClusterBroker
                {
                    BrokerId = registration.BrokerId,
                    Host = address.Host,
                    Port = address.Port,
                    Rack = registration.Rack,
                    IsFenced = !isLive,
                });
            }
        }

        if (request.IncludeClusterAuthorizedOperations)
        {
            response.ClusterAuthorizedOperations = AuthorizedOperations.OnCluster;
        }

        return new(response);
    }
}
