using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// The replicas that are open on this silo. A replica's grain enters its replica here when it opens and takes it out
/// before it closes; the gateway of the same silo finds it without a grain call.
/// </summary>
public sealed class LocalReplicas
{
    private readonly ConcurrentDictionary<(Guid TopicId, int Partition), Replica> _replicas = new();

    /// <summary>All open replicas, in no order.</summary>
    public IEnumerable<Replica> All => _replicas.Select(entry => entry.Value);

    /// <summary>How many replicas are open.</summary>
    public int Count => _replicas.Count;

    /// <summary>Finds an open replica.</summary>
    public bool TryGet(Guid topicId, int partition, [NotNullWhen(true)] out Replica? replica) =>
        _replicas.TryGetValue((topicId, partition), out replica);

    internal void Add(Replica replica) => _replicas[(replica.TopicId, replica.Partition)] = replica;

    internal void Remove(Replica replica) =>
        _replicas.TryRemove(KeyValuePair.Create((replica.TopicId, replica.Partition), replica));
}
