using System.Collections.Immutable;

namespace Orleans.Runtime;

/// <summary>How a silo is.</summary>
public enum SiloStatus
{
    /// <summary>Unknown.</summary>
    None = 0,

    /// <summary>Made, not started.</summary>
    Created = 1,

    /// <summary>Starts.</summary>
    Joining = 2,

    /// <summary>Serves.</summary>
    Active = 3,

    /// <summary>Stops in good order.</summary>
    ShuttingDown = 4,

    /// <summary>Stops at once.</summary>
    Stopping = 5,

    /// <summary>Gone; its address never comes back.</summary>
    Dead = 6,
}

/// <summary>Questions about a silo's status.</summary>
public static class SiloStatusExtensions
{
    /// <summary>Whether the silo stops or has stopped.</summary>
    public static bool IsTerminating(this SiloStatus siloStatus) =>
        siloStatus is SiloStatus.ShuttingDown or SiloStatus.Stopping or SiloStatus.Dead;
}

/// <summary>A silo in a snapshot of the membership.</summary>
public sealed class ClusterMember(SiloAddress siloAddress, SiloStatus status, string name) : IEquatable<ClusterMember>
{
    /// <summary>Its address.</summary>
    public SiloAddress SiloAddress { get; } = siloAddress ?? throw new ArgumentNullException(nameof(siloAddress));

    /// <summary>How it is.</summary>
    public SiloStatus Status { get; } = status;

    /// <summary>Its name, which a restarted silo may bear again.</summary>
    public string Name { get; } = name;

    /// <inheritdoc/>
    public bool Equals(ClusterMember? other) => other is not null && SiloAddress.Equals(other.SiloAddress)
        && Status == other.Status && string.Equals(Name, other.Name, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ClusterMember);

    /// <inheritdoc/>
    public override int GetHashCode() => SiloAddress.GetHashCode();

    /// <inheritdoc/>
    public override string ToString() => $"{SiloAddress}/{Name}/{Status}";
}

/// <summary>The membership at one version.</summary>
public sealed class ClusterMembershipSnapshot(
    ImmutableDictionary<SiloAddress, ClusterMember> members, MembershipVersion version)
{
    /// <summary>All silos known, dead ones included.</summary>
    public ImmutableDictionary<SiloAddress, ClusterMember> Members { get; } = members;

    /// <summary>Grows with every change.</summary>
    public MembershipVersion Version { get; } = version;

    /// <summary>How the silo is; dead if a later one runs at its endpoint.</summary>
    public SiloStatus GetSiloStatus(SiloAddress silo)
    {
        if (Members.TryGetValue(silo, out var member))
        {
            return member.Status;
        }

        return Members.Keys.Any(known => known.IsSuccessorOf(silo)) ? SiloStatus.Dead : SiloStatus.None;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Version}: [{string.Join(", ", Members.Values)}]";
}

/// <summary>Tells who is up and who died.</summary>
public interface IClusterMembershipService
{
    /// <summary>The newest snapshot known here.</summary>
    ClusterMembershipSnapshot CurrentSnapshot { get; }

    /// <summary>The newest snapshot and then each newer one. A slow reader skips some, never the last.</summary>
    IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates { get; }

    /// <summary>Completes when <see cref="CurrentSnapshot"/> is at least this new.</summary>
    ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default);

    /// <summary>Declares a silo dead. False if it was not known.</summary>
    Task<bool> TryKill(SiloAddress siloAddress);
}

/// <summary>Who this silo is.</summary>
public interface ILocalSiloDetails
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Its cluster.</summary>
    string ClusterId { get; }

    /// <summary>Its host name.</summary>
    string DnsHostName { get; }

    /// <summary>Where other silos reach it.</summary>
    SiloAddress SiloAddress { get; }

    /// <summary>Where clients reach it.</summary>
    SiloAddress GatewayAddress { get; }
}
