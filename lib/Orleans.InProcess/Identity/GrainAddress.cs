namespace Orleans.Runtime;

/// <summary>Names one activation of a grain.</summary>
public readonly struct ActivationId(Guid key) : IEquatable<ActivationId>
{
    private readonly Guid _key = key;

    /// <summary>True for the uninitialised value.</summary>
    public bool IsDefault => _key == Guid.Empty;

    /// <inheritdoc/>
    public bool Equals(ActivationId other) => _key == other._key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ActivationId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _key.GetHashCode();

    /// <summary>Compares by id.</summary>
    public static bool operator ==(ActivationId left, ActivationId right) => left.Equals(right);

    /// <summary>Compares by id.</summary>
    public static bool operator !=(ActivationId left, ActivationId right) => !left.Equals(right);

    /// <inheritdoc/>
    public override string ToString() => $"@{_key:N}";
}

/// <summary>Where an activation of a grain is: an entry of a grain directory.</summary>
public sealed class GrainAddress : IEquatable<GrainAddress>
{
    /// <summary>Which grain.</summary>
    public GrainId GrainId { get; init; }

    /// <summary>Which of its activations.</summary>
    public ActivationId ActivationId { get; init; }

    /// <summary>On which silo.</summary>
    public SiloAddress? SiloAddress { get; init; }

    /// <summary>The membership when it was registered.</summary>
    public MembershipVersion MembershipVersion { get; init; } = MembershipVersion.MinValue;

    /// <inheritdoc/>
    public bool Equals(GrainAddress? other) => other is not null && GrainId == other.GrainId
        && ActivationId == other.ActivationId && Equals(SiloAddress, other.SiloAddress);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GrainAddress);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(SiloAddress, GrainId, ActivationId);

    /// <inheritdoc/>
    public override string ToString() => $"{GrainId} {ActivationId} on {SiloAddress}";
}
