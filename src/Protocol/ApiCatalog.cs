namespace Orleans.Kafka.Protocol;

/// <summary>
/// What the schemas say about each API: versions, encodings, headers. Whether this broker serves an API is for its
/// handlers to say.
/// </summary>
public static partial class ApiCatalog
{
    private const int OnBroker = 1;
    private const int OnController = 2;

    /// <summary>Whether the API is declared.</summary>
    public static bool IsKnown(ApiKey key) => Cell(Min, key) >= 0;

    /// <summary>Lowest declared version, or -1 when the API is not declared.</summary>
    public static short MinVersion(ApiKey key) => Cell(Min, key);

    /// <summary>Highest version for clients, as Kafka 4.3 advertises it; -1 when there is none yet.</summary>
    public static short MaxVersion(ApiKey key) => Cell(MaxStable, key);

    /// <summary>Highest declared version, offered to clients or not; -1 when the API is not declared.</summary>
    public static short MaxDeclaredVersion(ApiKey key) => Cell(Max, key);

    /// <summary>
    /// Lowest version to name in ApiVersions. Below <see cref="MinVersion"/> only for Produce: librdkafka up to 2.11
    /// switches compression off unless it sees version 0 (KAFKA-18659).
    /// </summary>
    public static short AdvertisedMinVersion(ApiKey key) => Cell(AdvertisedMin, key);

    /// <summary>First flexible version (KIP-482); 32767 when there is none, -1 when the API is not declared.</summary>
    public static short FirstFlexibleVersion(ApiKey key) => Cell(Flexible, key);

    /// <summary>Whether bodies of this version are flexible.</summary>
    public static bool IsFlexible(ApiKey key, short version) => IsKnown(key) && version >= Cell(Flexible, key);

    /// <summary>Whether brokers answer it (else only controllers do).</summary>
    public static bool IsOnBroker(ApiKey key) => IsKnown(key) && (Cell(Listeners, key) & OnBroker) != 0;

    /// <summary>Whether controllers answer it.</summary>
    public static bool IsOnController(ApiKey key) => IsKnown(key) && (Cell(Listeners, key) & OnController) != 0;

    /// <summary>Whether the version is declared and for clients.</summary>
    public static bool IsStable(ApiKey key, short version) =>
        version >= MinVersion(key) && version <= MaxVersion(key) && IsKnown(key);

    /// <summary>Version of the request header: 2 (with tagged fields) where the body is flexible, else 1.</summary>
    public static short RequestHeaderVersion(ApiKey key, short version) =>
        IsFlexible(key, version) ? (short)2 : (short)1;

    /// <summary>
    /// Version of the response header: 1 (with tagged fields) where the body is flexible, else 0. ApiVersions always
    /// has 0, so that a client can read an answer in a version it does not know (KIP-511).
    /// </summary>
    public static short ResponseHeaderVersion(ApiKey key, short version) =>
        key != ApiKey.ApiVersions && IsFlexible(key, version) ? (short)1 : (short)0;

    private static short Cell(ReadOnlySpan<short> table, ApiKey key) =>
        (uint)key < (uint)table.Length ? table[(int)key] : (short)-1;
}
