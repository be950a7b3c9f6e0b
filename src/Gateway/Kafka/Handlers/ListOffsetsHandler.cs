using Orleans.Kafka.Gateway.Connections;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Messages;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Gateway.Kafka.Handlers;

/// <summary>
/// ListOffsets, versions 1-11: the offset of a point in time, or of one of the special points: -1 latest, -2 earliest,
/// v7 -3 largest timestamp (KIP-734), v8 -4 earliest on this disk (KIP-405), v9 -5 last tiered (KIP-1005), v11 -6
/// earliest not yet tiered (KIP-1023). Nothing is tiered here.
/// </summary>
internal sealed class ListOffsetsHandler(BrokerView broker) : RequestHandler<ListOffsetsRequest, ListOffsetsResponse>
{
    private const long Latest = -1;
    private const long Earliest = -2;
    private const long MaxTimestamp = -3;
    private const long EarliestLocal = -4;
    private const long LatestTiered = -5;
    private const long EarliestPendingUpload = -6;
    private const int DebuggingConsumer = -2;

    protected override ValueTask<ListOffsetsResponse?> HandleAsync(
        RequestContext context, ListOffsetsRequest request)
    {
        MetadataImage metadata = broker.Metadata;
        var response = new ListOffsetsResponse();
        foreach (ListOffsetsRequest.ListOffsetsTopic asked in request.Topics)
        {
            var answer = new ListOffsetsResponse.ListOffsetsTopicResponse { Name = asked.Name };
            response.Topics.Add(answer);
            metadata.Topics.TryGetValue(asked.Name, out TopicImage? topic);
            HashSet<int> twice = [.. asked.Partitions.GroupBy(partition => partition.PartitionIndex)
                .Where(group => group.Count() > 1).Select(group => group.Key)];
            answer.Partitions.AddRange(twice.Select(partition => Failed(partition, ErrorCode.InvalidRequest)));
            foreach (ListOffsetsRequest.ListOffsetsPartition partition in asked.Partitions)
            {
                if (!twice.Contains(partition.PartitionIndex))
                {
                    answer.Partitions.Add(Answer(request, partition, topic, context.ApiVersion));
                }
            }
        }

        return new(response);
    }

    private ListOffsetsResponse.ListOffsetsPartitionResponse Answer(
        ListOffsetsRequest request, ListOffsetsRequest.ListOffsetsPartition asked, TopicImage? topic, short version)
    {
        if (request.IsolationLevel is < 0 or > 1)
        {
            return Failed(asked.PartitionIndex, ErrorCode.UnknownServerError);
        }

        if (asked.Timestamp < -6 || VersionOf(asked.Timestamp) > version)
        {
            return Failed(asked.PartitionIndex, ErrorCode.UnsupportedVersion);
        }

        ErrorCode error = broker.FindLeader(
            topic, asked.PartitionIndex, asked.CurrentLeaderEpoch, out Replica? replica);
        if (error != ErrorCode.None)
        {
            return Failed(asked.PartitionIndex, error);
        }

        LogOffsets offsets = replica!.Log.Offsets;
        long end = request.ReplicaId == DebuggingConsumer ? offsets.LogEnd
            : request.IsolationLevel == 1 ? offsets.LastStable
            : offsets.HighWatermark;
        OffsetLookup found = asked.Timestamp switch
        {
            Latest => new OffsetLookup(-1, end, replica.Role.LeaderEpoch),
            Earliest or EarliestLocal => replica.Log.Earliest(),
            LatestTiered or EarliestPendingUpload => OffsetLookup.None,
            MaxTimestamp => replica.Log.MaxTimestamp(),
            _ => replica.Log.ByTimestamp(asked.Timestamp, end),
        };
        return new ListOffsetsResponse.ListOffsetsPartitionResponse
        {
            PartitionIndex = asked.PartitionIndex,
            Timestamp = found.TimestampMs,
            Offset = found.Offset,
            LeaderEpoch = found.LeaderEpoch,
        };
    }

    /// <summary>The first version that knows a special point.</summary>
    private static short VersionOf(long timestamp) => timestamp switch
    {
        MaxTimestamp => 7,
        EarliestLocal => 8,
        LatestTiered => 9,
        EarliestPendingUpload => 11,
        _ => 0,
    };

    private static ListOffsetsResponse.ListOffsetsPartitionResponse Failed(int partition, ErrorCode error) => new()
    {
        PartitionIndex = partition,
        ErrorCode = error,
        Timestamp = -1,
        Offset = -1,
        LeaderEpoch = -1,
    };
}
