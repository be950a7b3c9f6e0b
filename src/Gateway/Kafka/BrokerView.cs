using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Replication;

namespace Orleans.Kafka.Gateway.Kafka;

/// <summary>
/// What the handlers of this silo see of broker and cluster: settings, metadata, the replicas that live here, and
/// the way to the cluster's grains.
/// </summary>
public sealed class BrokerView(
    CurrentSettings settings, MetadataCache metadata, LiveBrokers live, LocalReplicas replicas, IGrainFactory grains)
{
    /// <summary>The broker's settings, with what is set at run time.</summary>
    public BrokerSettings Settings => settings.Value;

    /// <summary>The cluster as this silo knows it now. A handler takes it once per request.</summary>
    public MetadataImage Metadata => metadata.Current;

    /// <summary>Who is alive.</summary>
    public LiveBrokers Live => live;

    /// <summary>This broker's id.</summary>
    public int NodeId => settings.NodeId;

    /// <summary>
    /// The broker that clients are told to be the controller. Any broker can answer what they ask a controller for, so
    /// each names a live one: the lowest id, that they agree. -1 when none is registered.
    /// </summary>
    public int ControllerId(MetadataImage image) => live.Among(image).FirstOrDefault()?.BrokerId ?? -1;

    /// <summary>The partition's leader if it is alive, else -1: then the partition has LEADER_NOT_AVAILABLE.</summary>
    public int LiveLeader(PartitionImage partition) =>
        partition.Leader >= 0 && live.Contains(partition.Leader) ? partition.Leader : -1;

    /// <summary>The brokers that hold a replica of the partition and are not alive.</summary>
    public IEnumerable<int> OfflineReplicas(PartitionImage partition) =>
        partition.Replicas.Where(id => !live.Contains(id));

    /// <summary>The cluster's grain.</summary>
    public IClusterGrain Cluster => grains.GetGrain<IClusterGrain>("cluster");

    /// <summary>
    /// Finds the leader's replica of a partition on this silo. Else says why there is none here:
    /// UNKNOWN_TOPIC_OR_PARTITION, or NOT_LEADER_OR_FOLLOWER when another broker leads it or its replica is not open.
    /// </summary>
    /// <param name="topic">The topic, or null when the request names one that is not there.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="replica">The replica, when the answer is <see cref="ErrorCode.None"/>.</param>
    public ErrorCode FindLeader(TopicImage? topic, int partition, out Replica? replica)
    {
        replica = null;
        if (topic is null || (uint)partition >= (uint)topic.Partitions.Length)
        {
            return ErrorCode.UnknownTopicOrPartition;
        }

        return replicas.TryGet(topic.Id, partition, out replica) && replica.Role.IsLeader
            ? ErrorCode.None
            : ErrorCode.NotLeaderOrFollower;
    }

    /// <summary>
    /// The same, checked against the leader epoch that the client knows (KIP-320): FENCED_LEADER_EPOCH when that is
    /// older, UNKNOWN_LEADER_EPOCH when it is newer. A negative one is not checked.
    /// </summary>
    public ErrorCode FindLeader(TopicImage? topic, int partition, int currentLeaderEpoch, out Replica? replica)
    {
        ErrorCode error = FindLeader(topic, partition, out replica);
        if (error != ErrorCode.None || currentLeaderEpoch < 0 || replica is null)
        {
            return error;
        }

        int leaderEpoch = replica.Role.LeaderEpoch;
        return currentLeaderEpoch == leaderEpoch ? ErrorCode.None
            : currentLeaderEpoch < leaderEpoch ? ErrorCode.FencedLeaderEpoch
            : ErrorCode.UnknownLeaderEpoch;
    }
}
