using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>A directory that a silo has.</summary>
internal sealed record GrainDirectoryName(string Name);

/// <summary>
/// The directory of grains whose class names none. Orleans spreads it over the silos, each silo holds the entries of some
/// grains, and with a silo its entries are gone: so activations on other silos end that it had the entry of.
/// </summary>
internal static class DefaultDirectory
{
    private const ulong HashOffset = 14695981039346656037;
    private const ulong HashPrime = 1099511628211;

    /// <summary>The silo that holds the entry of a grain.</summary>
    public static Silo HolderOf(GrainId grain, IReadOnlyList<Silo> active)
    {
        ulong hash = Hash(Hash(HashOffset, grain.Type.ToString()), grain.Key.ToString());
        return active.MaxBy(silo => Hash(hash, silo.SiloAddress.ToString()))!;
    }

    /// <summary>The same in every process, unlike a string's own hash code.</summary>
    private static ulong Hash(ulong hash, string? text)
    {
        foreach (char character in text ?? "")
        {
            hash = (hash ^ character) * HashPrime;
        }

        return hash;
    }
}
