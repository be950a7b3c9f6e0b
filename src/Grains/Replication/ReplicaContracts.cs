using Orleans.Concurrency;
using Orleans.Kafka.Grains.Cluster;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>One broker's part of the cluster: which replicas live here. Key: the broker's id.</summary>
[Alias("kafka.IBrokerGrain")]
public interface IBrokerGrain : IGrainWithStringKey
{
    /// <summary>Opens every replica that the cluster's snapshot places here. Answers when all of them serve.</summary>
    [Alias("Start"), ResponseTimeout(LogWaits.Disk)]
    Task StartAsync(ClusterSnapshot snapshot);

    /// <summary>
    /// Takes in a change: opens, changes or deletes the replicas that live here, then lets this broker's clients
    /// see it.
    /// </summary>
    [Alias("Apply")]
    Task ApplyAsync(MetadataChange change);

    /// <summary>Closes all replicas. What is answered is flushed: the next start need not recover anything.</summary>
    [Alias("Stop"), ResponseTimeout(LogWaits.Disk)]
    Task StopAsync();

    /// <summary>What lies before readers at these places; in their order.</summary>
    [Alias("LookAhead"), AlwaysInterleave]
    Task<PartitionOutlook[]> LookAheadAsync(PartitionPosition[] positions);
}

/// <summary>How long a call may take that opens or closes logs.</summary>
internal static class LogWaits
{
    /// <summary>After a crash a log is read from its recovery point on: as long as that takes, nothing is wrong.</summary>
    public const string Disk = "1.00:00:00";
}

/// <summary>One replica: the only writer of its segment files. Key: <see cref="ReplicaKey"/>.</summary>
[Alias("kafka.IReplicaGrain")]
public interface IReplicaGrain : IGrainWithStringKey
{
    /// <summary>
    /// Opens the replica (recovering its log if need be) or brings it to the partition's state.
    /// A state with an older partition epoch than the one known is ignored.
    /// Answers Kafka's error code, 0 when the replica serves.
    /// </summary>
    [Alias("Open"), ResponseTimeout(LogWaits.Disk)]
    Task<short> OpenAsync(ReplicaAssignment assignment);

    /// <summary>Closes the log after a failed write, and opens it again through recovery.</summary>
    [Alias("Reopen"), ResponseTimeout(LogWaits.Disk)]
    Task<short> ReopenAsync();

    /// <summary>Flushes and closes the log.</summary>
    [Alias("Close"), ResponseTimeout(LogWaits.Disk)]
    Task CloseAsync();

    /// <summary>Closes the replica and deletes its files.</summary>
    [Alias("Delete")]
    Task DeleteAsync();
}

/// <summary>What a replica must know of its partition.</summary>
[GenerateSerializer, Immutable, Alias("kafka.ReplicaAssignment")]
public sealed record ReplicaAssignment
{
    /// <summary>The topic's name.</summary>
    [Id(0)] public required string Topic { get; init; }

    /// <summary>The topic's id.</summary>
    [Id(1)] public required Guid TopicId { get; init; }

    /// <summary>The partition as the cluster has it.</summary>
    [Id(2)] public required PartitionImage Partition { get; init; }

    /// <summary>The topic's own settings.</summary>
    [Id(3)] public required Dictionary<string, string> Configs { get; init; }
}

/// <summary>The key of a replica's grain: <c>topic id/partition/broker id</c>.</summary>
public static class ReplicaKey
{
    /// <summary>Builds the key.</summary>
    public static string Of(Guid topicId, int partition, int brokerId) =>
        string.Create(null, $"{topicId:N}/{partition}/{brokerId}");

    /// <summary>The broker on which the grain with this key must live, or null when the key names none.</summary>
    public static int? BrokerOf(ReadOnlySpan<char> key)
    {
        int slash = key.LastIndexOf('/');
        return int.TryParse(key[(slash + 1)..], out int brokerId) ? brokerId : null;
    }
}
