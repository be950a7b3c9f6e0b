using Orleans.Kafka.Grains.Replication;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace Orleans.Kafka.Grains.Placement;

/// <summary>
/// Places a grain on the silo of the broker that its key names. A broker's silo is known by its name
/// (<see cref="SiloNameOf"/>), so a restarted broker is found again although its silo address is new.
/// </summary>
[GenerateSerializer, Immutable, Alias("kafka.BrokerPlacement")]
public sealed class BrokerPlacement : PlacementStrategy
{
    private const string SiloNamePrefix = "kafka-broker-";

    /// <summary>The one instance; the strategy has no settings.</summary>
    public static BrokerPlacement Instance { get; } = new();

    /// <summary>The silo name that a broker's host must set.</summary>
    public static string SiloNameOf(int brokerId) => $"{SiloNamePrefix}{brokerId}";

    /// <summary>The broker that a silo name stands for, or null for a silo that is no broker.</summary>
    public static int? BrokerOfSilo(string? siloName) =>
        siloName is not null && siloName.StartsWith(SiloNamePrefix, StringComparison.Ordinal) &&
        int.TryParse(siloName.AsSpan(SiloNamePrefix.Length), out int brokerId) ? brokerId : null;
}

/// <summary>Marks a grain class that lives on the silo of the broker in its key.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class BrokerPlacementAttribute() : PlacementAttribute(BrokerPlacement.Instance);

/// <summary>No live silo belongs to the broker: the caller answers NOT_LEADER_OR_FOLLOWER or tries later.</summary>
[GenerateSerializer, Alias("kafka.BrokerNotAvailableException")]
public sealed class BrokerNotAvailableException : Exception
{
    /// <summary>Names the broker that is not there.</summary>
    public BrokerNotAvailableException(string message) : base(message)
    {
    }
}

/// <summary>Finds the silo of a broker among the live members. Fails at once when there is none.</summary>
internal sealed class BrokerPlacementDirector(IClusterMembershipService membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(
        PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        string key = target.GrainIdentity.Key.ToString()!;
        if (ReplicaKey.BrokerOf(key) is not int brokerId)
        {
            throw new BrokerNotAvailableException($"the grain key '{key}' names no broker");
        }

        string siloName = BrokerPlacement.SiloNameOf(brokerId);
        foreach (ClusterMember member in membership.CurrentSnapshot.Members.Values)
        {
            if (member.Status == SiloStatus.Active && member.Name == siloName)
            {
                return Task.FromResult(member.SiloAddress);
            }
        }

        throw new BrokerNotAvailableException($"broker {brokerId} has no live silo");
    }
}
