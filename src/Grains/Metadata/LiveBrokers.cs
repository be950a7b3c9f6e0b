using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Placement;

namespace Orleans.Kafka.Grains.Metadata;

/// <summary>Which brokers are alive, by Orleans' membership: a broker lives as long as its silo.</summary>
public sealed class LiveBrokers(IClusterMembershipService membership)
{
    private volatile Seen? _seen;

    /// <summary>The ids of the live brokers, in ascending order.</summary>
    public int[] Ids
    {
        get
        {
            ClusterMembershipSnapshot snapshot = membership.CurrentSnapshot;
            Seen? seen = _seen;
            if (seen is null || seen.Snapshot != snapshot)
            {
                _seen = seen = new Seen(snapshot, Read(snapshot));
            }

            return seen.Ids;
        }
    }

    /// <summary>True when this broker's silo is alive.</summary>
    public bool Contains(int brokerId) => Array.BinarySearch(Ids, brokerId) >= 0;

    /// <summary>The registrations of those that are alive, by ascending id.</summary>
    public IEnumerable<BrokerRegistration> Among(MetadataImage image)
    {
        foreach (int brokerId in Ids)
        {
            if (image.Brokers.TryGetValue(brokerId, out BrokerRegistration? broker))
            {
                yield return broker;
            }
        }
    }

    private static int[] Read(ClusterMembershipSnapshot snapshot)
    {
        var ids = new SortedSet<int>();
        foreach (ClusterMember member in snapshot.Members.Values)
        {
            if (member.Status == SiloStatus.Active && BrokerPlacement.BrokerOfSilo(member.Name) is int brokerId)
            {
                ids.Add(brokerId);
            }
        }

        return [.. ids];
    }

    private sealed record Seen(ClusterMembershipSnapshot Snapshot, int[] Ids);
}
