using System.Globalization;
using System.Net;

namespace Orleans.Runtime;

/// <summary>
/// One incarnation of a silo: where it listens, and a generation that grows with every start at that endpoint.
/// An address that was declared dead never comes back.
/// </summary>
public sealed class SiloAddress : IEquatable<SiloAddress>, IComparable<SiloAddress>
{
    private SiloAddress(IPEndPoint endpoint, int generation)
    {
        Endpoint = endpoint;
        Generation = generation;
    }

    /// <summary>The address that stands for "no silo".</summary>
    public static SiloAddress Zero { get; } = new(new IPEndPoint(IPAddress.Any, 0), 0);

    /// <summary>Where the silo listens for other silos.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Which start of the silo at this endpoint.</summary>
    public int Generation { get; }

    /// <summary>Makes an address.</summary>
    public static SiloAddress New(IPEndPoint ep, int gen)
    {
        ArgumentNullException.ThrowIfNull(ep);
        return new SiloAddress(ep, gen);
    }

    /// <summary>Makes an address.</summary>
    public static SiloAddress New(IPAddress address, int port, int generation) =>
        new(new IPEndPoint(address, port), generation);

    /// <summary>True if this is a later start at the other's endpoint.</summary>
    public bool IsSuccessorOf(SiloAddress other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Generation > other.Generation && Endpoint.Equals(other.Endpoint);
    }

    /// <summary>True if the other is a later start at this endpoint.</summary>
    public bool IsPredecessorOf(SiloAddress other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return other.IsSuccessorOf(this);
    }

    /// <summary>Text that <see cref="FromParsableString"/> reads.</summary>
    public string ToParsableString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Endpoint.Address}:{Endpoint.Port}@{Generation}");

    /// <summary>Reads what <see cref="ToParsableString"/> writes.</summary>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static SiloAddress FromParsableString(string addr)
    {
        ArgumentNullException.ThrowIfNull(addr);
        var at = addr.LastIndexOf('@');
        var colon = at < 0 ? -1 : addr.LastIndexOf(':', at);
        if (colon < 0)
        {
            throw new FormatException($"\"{addr}\" is not a silo address.");
        }

        return New(
            IPAddress.Parse(addr.AsSpan(0, colon)),
            int.Parse(addr.AsSpan(colon + 1, at - colon - 1), CultureInfo.InvariantCulture),
            int.Parse(addr.AsSpan(at + 1), CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public bool Equals(SiloAddress? other) =>
        other is not null && Generation == other.Generation && Endpoint.Equals(other.Endpoint);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SiloAddress);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Endpoint, Generation);

    /// <inheritdoc/>
    public int CompareTo(SiloAddress? other) => other is null
        ? 1
        : string.CompareOrdinal(ToParsableString(), other.ToParsableString());

    /// <inheritdoc/>
    public override string ToString() => $"S{Endpoint}:{Generation}";
}
