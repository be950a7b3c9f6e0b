using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>How a request relates to the other unanswered requests of its connection.</summary>
public enum RequestOrder
{
    /// <summary>
    /// As in Kafka: starts when every earlier request (but <see cref="Independent"/> ones) is completed, and no later
    /// request of the connection starts before it is completed.
    /// </summary>
    Sequential = 0,

    /// <summary>
    /// Starts at once, in order, while earlier ones of its kind wait (for replicas, for the disk). For Produce.
    /// </summary>
    Pipelined,

    /// <summary>Like <see cref="Pipelined"/>, but later requests do not wait for it. For long polls.</summary>
    Independent,
}

/// <summary>
/// Serves one API key. Handlers are shared by all connections and called by several threads at once, for each
/// connection in the order of its requests.
/// </summary>
public abstract class RequestHandler
{
    private readonly bool[] _flexible;
    private readonly bool[] _taggedResponse;

    /// <param name="key">The API.</param>
    /// <param name="minVersion">Lowest version that is served; below it the connection is closed.</param>
    /// <param name="maxVersion">Highest version that is served; above it the connection is closed.</param>
    /// <param name="advertisedMinVersion">
    /// Lowest version ApiVersions tells, when it differs: Kafka tells Produce from 0 and closes on 0 to 2.
    /// </param>
    protected RequestHandler(ApiKey key, short minVersion, short maxVersion, short? advertisedMinVersion = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(minVersion);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxVersion, minVersion);
        Key = key;
        MinVersion = minVersion;
        MaxVersion = maxVersion;
        AdvertisedMinVersion = advertisedMinVersion ?? minVersion;
        _flexible = new bool[maxVersion + 1];
        _taggedResponse = new bool[maxVersion + 1];
        for (short version = 0; version <= maxVersion; version++)
        {
            _flexible[version] = ApiCatalog.RequestHeaderVersion(key, version) >= 2;
            _taggedResponse[version] = ApiCatalog.ResponseHeaderVersion(key, version) >= 1;
        }
    }

    /// <summary>The API.</summary>
    public ApiKey Key { get; }

    /// <summary>Lowest version that is served.</summary>
    public short MinVersion { get; }

    /// <summary>Highest version that is served.</summary>
    public short MaxVersion { get; }

    /// <summary>Lowest version that ApiVersions tells.</summary>
    public short AdvertisedMinVersion { get; }

    /// <summary>How requests of this kind relate to others of their connection.</summary>
    public virtual RequestOrder Order => RequestOrder.Sequential;

    /// <summary>
    /// Handles a request: completes <see cref="RequestContext.Response"/> now, or sees to it that somebody does later.
    /// Runs on the thread that serves the connection and many others: must not block nor take long.
    /// A body that cannot be parsed: <c>Response.Close(CloseReason.MalformedRequest)</c>.
    /// </summary>
    public abstract void Handle(RequestContext context);

    internal bool IsFlexible(short version) => _flexible[version];

    internal bool HasTaggedResponseHeader(short version) => _taggedResponse[version];
}
