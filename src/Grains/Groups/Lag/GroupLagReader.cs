using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Placement;
using Orleans.Kafka.Grains.Replication;

namespace Orleans.Kafka.Grains.Groups.Lag;

/// <summary>
/// Says how far groups are behind, in records and in time. Asks the group's grain what is committed, and the leaders of
/// the partitions what lies before it: one call for each broker. Nothing is kept between two questions.
/// </summary>
public sealed partial class GroupLagReader(
    GroupCoordinator coordinator,
    MetadataCache metadata,
    LocalReplicas replicas,
    CurrentSettings settings,
    IGrainFactory grains,
    TimeProvider clock,
    ILogger<GroupLagReader> logger)
{
    /// <summary>The groups that this broker coordinates.</summary>
    public async Task<IReadOnlyList<string>> OwnGroupsAsync() =>
        [.. (await coordinator.ListAsync()).Groups.Select(group => group.GroupId)];

    /// <summary>
    /// The lag of a group in each partition for which it has committed an offset; nothing for a group that this broker
    /// does not coordinate or that does not exist.
    /// </summary>
    public async Task<IReadOnlyList<PartitionLag>> ReadAsync(string groupId)
    {
        (_, IGroupGrain? group) = await coordinator.FindAsync(groupId);
        if (group is null)
        {
            return [];
        }

        MetadataImage image = metadata.Current;
        List<(GroupOffset Committed, TopicImage Topic)> offsets =
        [
            .. (await group.FetchOffsetsAsync(null))
                .Where(each => image.Topics.TryGetValue(each.Topic, out TopicImage? topic) &&
                    (each.TopicId == Guid.Empty || each.TopicId == topic.Id) && each.Partition < topic.Partitions.Length)
                .OrderBy(each => each.Topic, StringComparer.Ordinal).ThenBy(each => each.Partition)
                .Select(each => (each, image.Topics[each.Topic])),
        ];
        var lags = new PartitionLag[offsets.Count];
        await Task.WhenAll(
            from at in Enumerable.Range(0, lags.Length)
            group at by offsets[at].Topic.Partitions[offsets[at].Committed.Partition].Leader into sameLeader
            select FillAsync(groupId, offsets, sameLeader.Key, [.. sameLeader], lags));
        return lags;
    }

    private async Task FillAsync(
        string groupId, List<(GroupOffset Committed, TopicImage Topic)> offsets, int leader, int[] places, PartitionLag[] lags)
    {
        PartitionPosition[] positions = Array.ConvertAll(places, at => new PartitionPosition
        {
            TopicId = offsets[at].Topic.Id,
            Partition = offsets[at].Committed.Partition,
            Offset = offsets[at].Committed.Offset,
        });
        PartitionOutlook[] outlooks = await LookAheadAsync(leader, positions);
        DateTimeOffset now = clock.GetUtcNow();
        for (int i = 0; i < places.Length; i++)
        {
            lags[places[i]] = Lag(groupId, offsets[places[i]].Committed, outlooks[i], now);
        }
    }

    private async Task<PartitionOutlook[]> LookAheadAsync(int leader, PartitionPosition[] positions)
    {
        if (leader == settings.NodeId)
        {
            return Array.ConvertAll(positions, position => ReplicaOutlook.Of(replicas, position));
        }

        try
        {
            return leader >= 0
                ? await grains.GetGrain<IBrokerGrain>(leader.ToString()).LookAheadAsync(positions)
                : Array.ConvertAll(positions, static _ => PartitionOutlook.Unknown);
        }
        catch (Exception exception)
        {
            LogUnreachable(logger, leader, GrainFailure.InOneLine(exception), GrainFailure.ToLog(exception));
            return Array.ConvertAll(positions, static _ => PartitionOutlook.Unknown);
        }
    }

    private static PartitionLag Lag(string groupId, GroupOffset committed, PartitionOutlook outlook, DateTimeOffset now)
    {
        bool isKnown = outlook.HighWatermark >= 0;
        long records = isKnown ? Math.Max(0, outlook.HighWatermark - committed.Offset) : -1;
        TimeSpan? age = (isKnown, records, outlook.NextTimestampMs) switch
        {
            (true, 0, _) => TimeSpan.Zero,
            (true, _, >= 0 and var timestamp) =>
                TimeSpan.FromMilliseconds(Math.Max(0, now.ToUnixTimeMilliseconds() - timestamp)),
            _ => null,
        };
        return new PartitionLag(
            groupId, committed.Topic, committed.Partition, committed.Offset, outlook.HighWatermark, records, age);
    }

    [LoggerMessage(3311, LogLevel.Debug, "broker {Broker} does not say where its partitions end: {Reason}")]
    private static partial void LogUnreachable(ILogger logger, int broker, string reason, Exception? exception);
}
