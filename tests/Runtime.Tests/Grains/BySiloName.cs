using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace Orleans.Kafka.Runtime.Tests.Grains;

/// <summary>Places a grain with key "silo/rest" on the silo of that name.</summary>
public sealed class BySiloNamePlacement : PlacementStrategy
{
    public static BySiloNamePlacement Instance { get; } = new();
}

[AttributeUsage(AttributeTargets.Class)]
public sealed class BySiloNameAttribute() : PlacementAttribute(BySiloNamePlacement.Instance);

[GenerateSerializer]
public sealed class NoSuchSiloException(string message) : Exception(message);

public sealed class BySiloNameDirector(IClusterMembershipService membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(
        PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var wanted = target.GrainIdentity.Key.ToString()!.Split('/')[0];
        var compatible = context.GetCompatibleSilos(target);
        var member = membership.CurrentSnapshot.Members.Values.FirstOrDefault(
            m => m.Name == wanted && m.Status == SiloStatus.Active && compatible.Contains(m.SiloAddress));
        return member is null
            ? throw new NoSuchSiloException($"no silo {wanted}")
            : Task.FromResult(member.SiloAddress);
    }
}
