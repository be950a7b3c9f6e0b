namespace Orleans.Kafka.Protocol.Generator.Schema;

/// <summary>A range of versions, both ends included.</summary>
public readonly struct VersionRange : IEquatable<VersionRange>
{
    /// <summary>Creates the range; empty when <paramref name="low"/> is above <paramref name="high"/>.</summary>
    public VersionRange(int low, int high)
    {
        Low = low;
        High = high;
    }

    /// <summary>Every version.</summary>
    public static VersionRange All => new(0, short.MaxValue);

    /// <summary>No version.</summary>
    public static VersionRange None => new(short.MaxValue, -1);

    /// <summary>Lowest version.</summary>
    public int Low { get; }

    /// <summary>Highest version; 32767 when open.</summary>
    public int High { get; }

    /// <summary>Whether it holds no version.</summary>
    public bool IsEmpty => Low > High;

    /// <summary>Reads <c>3</c>, <c>3+</c>, <c>3-7</c> or <c>none</c>.</summary>
    public static bool TryParse(string text, out VersionRange range)
    {
        range = None;
        if (text == "none")
        {
            return true;
        }

        var dash = text.IndexOf('-');
        var low = dash >= 0 ? text.Substring(0, dash) : text.TrimEnd('+');
        if (!TryParseVersion(low, out var from))
        {
            return false;
        }

        var to = from;
        if (dash >= 0 && (!TryParseVersion(text.Substring(dash + 1), out to) || to < from))
        {
            return false;
        }

        if (dash < 0 && text.EndsWith("+", StringComparison.Ordinal))
        {
            if (text.Length != low.Length + 1)
            {
                return false;
            }

            to = short.MaxValue;
        }

        range = new VersionRange(from, to);
        return true;
    }

    /// <summary>Versions in both ranges.</summary>
    public VersionRange Intersect(VersionRange other) =>
        new(Math.Max(Low, other.Low), Math.Min(High, other.High));

    /// <summary>Smallest range that holds both.</summary>
    public VersionRange Hull(VersionRange other)
    {
        if (IsEmpty)
        {
            return other;
        }

        return other.IsEmpty ? this : new VersionRange(Math.Min(Low, other.Low), Math.Max(High, other.High));
    }

    /// <summary>Whether every version of <paramref name="other"/> is in it.</summary>
    public bool Covers(VersionRange other) => other.IsEmpty || (Low <= other.Low && High >= other.High);

    /// <summary>Whether it holds <paramref name="version"/>.</summary>
    public bool Contains(int version) => version >= Low && version <= High;

    /// <inheritdoc/>
    public bool Equals(VersionRange other) => Low == other.Low && High == other.High;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is VersionRange other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => (Low * 397) ^ High;

    /// <inheritdoc/>
    public override string ToString() =>
        IsEmpty ? "none" : Low == High ? $"{Low}" : High == short.MaxValue ? $"{Low}+" : $"{Low}-{High}";

    private static bool TryParseVersion(string text, out int version)
    {
        version = 0;
        if (text.Length is 0 or > 4)
        {
            return false;
        }

        foreach (var digit in text)
        {
            if (digit is < '0' or > '9')
            {
                return false;
            }

            version = (version * 10) + (digit - '0');
        }

        return true;
    }
}
