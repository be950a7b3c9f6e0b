using Microsoft.Extensions.DependencyInjection;
using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Gateway.Kafka;
using Orleans.Kafka.Gateway.Kafka.Handlers;

namespace Orleans.Kafka.Gateway;

/// <summary>Puts the gateway's services into a silo's container.</summary>
public static class GatewayRegistrations
{
    /// <summary>The Kafka endpoint with a handler for every API that is served. Starting it is the host's business.</summary>
    public static IServiceCollection AddKafkaGateway(this IServiceCollection services)
    {
        services.AddSingleton<BrokerView>();
        services.AddSingleton<TopicCreation>();
        services.AddSingleton<ProducerIds>();
        services.AddSingleton<FetchSessions>();
        services.AddSingleton<ConfigEditor>();
        services.AddSingleton<GroupCalls>();
        services.AddSingleton<RequestHandler, ProduceHandler>();
        services.AddSingleton<RequestHandler, FetchHandler>();
        services.AddSingleton<RequestHandler, ListOffsetsHandler>();
        services.AddSingleton<RequestHandler, MetadataHandler>();
        services.AddSingleton<RequestHandler, FindCoordinatorHandler>();
        services.AddSingleton<RequestHandler, ApiVersionsHandler>();
        services.AddSingleton<RequestHandler, CreateTopicsHandler>();
        services.AddSingleton<RequestHandler, DeleteTopicsHandler>();
        services.AddSingleton<RequestHandler, DeleteRecordsHandler>();
        services.AddSingleton<RequestHandler, InitProducerIdHandler>();
        services.AddSingleton<RequestHandler, OffsetForLeaderEpochHandler>();
        services.AddSingleton<RequestHandler, CreatePartitionsHandler>();
        services.AddSingleton<RequestHandler, DescribeClusterHandler>();
        services.AddSingleton<RequestHandler, DescribeTopicPartitionsHandler>();
        services.AddSingleton<RequestHandler, DescribeConfigsHandler>();
        services.AddSingleton<RequestHandler, AlterConfigsHandler>();
        services.AddSingleton<RequestHandler, IncrementalAlterConfigsHandler>();
        services.AddSingleton<RequestHandler, JoinGroupHandler>();
        services.AddSingleton<RequestHandler, SyncGroupHandler>();
        services.AddSingleton<RequestHandler, HeartbeatHandler>();
        services.AddSingleton<RequestHandler, LeaveGroupHandler>();
        services.AddSingleton<RequestHandler, OffsetCommitHandler>();
        services.AddSingleton<RequestHandler, OffsetFetchHandler>();
        services.AddSingleton<RequestHandler, OffsetDeleteHandler>();
        services.AddSingleton<RequestHandler, DescribeGroupsHandler>();
        services.AddSingleton<RequestHandler, ListGroupsHandler>();
        services.AddSingleton<RequestHandler, DeleteGroupsHandler>();
        services.AddSingleton<RequestHandler, ConsumerGroupHeartbeatHandler>();
        services.AddSingleton<RequestHandler, ConsumerGroupDescribeHandler>();
        services.AddSingleton(provider => new RequestHandlerTable(provider.GetServices<RequestHandler>()));
        return services;
    }
}
