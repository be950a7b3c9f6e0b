using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>One row of what ApiVersions tells.</summary>
/// <param name="Key">The API.</param>
/// <param name="MinVersion">Lowest version advertised.</param>
/// <param name="MaxVersion">Highest version served.</param>
public readonly record struct ApiVersionRange(ApiKey Key, short MinVersion, short MaxVersion);

/// <summary>The handlers of an endpoint by API key. Immutable: one table serves any number of endpoints.</summary>
public sealed class RequestHandlerTable
{
    private readonly RequestHandler?[] _byKey;

    /// <summary>Makes a table; two handlers for one key are an error.</summary>
    public RequestHandlerTable(IEnumerable<RequestHandler> handlers)
    {
        ArgumentNullException.ThrowIfNull(handlers);
        RequestHandler[] sorted = [.. handlers.OrderBy(h => h.Key)];
        _byKey = new RequestHandler?[sorted.Length == 0 ? 0 : (short)sorted[^1].Key + 1];
        foreach (RequestHandler handler in sorted)
        {
            ref RequestHandler? slot = ref _byKey[(short)handler.Key];
            if (slot is not null)
            {
                throw new ArgumentException($"Two handlers for {handler.Key}.", nameof(handlers));
            }

            slot = handler;
        }

        Advertised = [.. sorted.Select(h => new ApiVersionRange(h.Key, h.AdvertisedMinVersion, h.MaxVersion))];
    }

    /// <summary>What ApiVersions tells, by key.</summary>
    public IReadOnlyList<ApiVersionRange> Advertised { get; }

    internal RequestHandler? Find(ApiKey key)
    {
        RequestHandler?[] byKey = _byKey;
        return (uint)(short)key < (uint)byKey.Length ? byKey[(short)key] : null;
    }
}
