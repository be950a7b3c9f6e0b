using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Placement;
using Orleans.Kafka.Grains.Replication;

namespace Orleans.Kafka.Grains.Metadata;

/// <summary>
/// Tells every live broker of a change: first those that hold a replica of the topic, so that a leader serves
/// before anybody is sent to it, then the others. A broker that cannot be reached catches up by itself.
/// </summary>
internal sealed partial class MetadataPublisher(
    IGrainFactory grains, LiveBrokers live, ILogger<MetadataPublisher> logger)
{
    public async Task PublishAsync(MetadataChange change)
    {
        int[] brokers = live.Ids;
        HashSet<int> holders = change.Topic is { } topic
            ? [.. topic.Partitions.SelectMany(partition => partition.Replicas)]
            : [];
        await Task.WhenAll(brokers.Where(holders.Contains).Select(id => TellAsync(id, change)));
        await Task.WhenAll(brokers.Where(id => !holders.Contains(id)).Select(id => TellAsync(id, change)));
    }

    private async Task TellAsync(int brokerId, MetadataChange change)
    {
        try
        {
            await grains.GetGrain<IBrokerGrain>(brokerId.ToString()).ApplyAsync(change);
        }
        catch (Exception exception)
        {
            LogNotTold(logger, brokerId, change.Version, GrainFailure.InOneLine(exception), GrainFailure.ToLog(exception));
        }
    }

    [LoggerMessage(3001, LogLevel.Warning,
        "broker {BrokerId} could not be told of cluster version {Version}, it will ask for it: {Reason}")]
    private static partial void LogNotTold(
        ILogger logger, int brokerId, long version, string reason, Exception? exception);
}
