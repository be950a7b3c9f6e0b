namespace Orleans.Kafka.Protocol;

/// <summary>
/// What stands in front of a request's body. Its version follows from API and version of the request, which are its
/// first fields, so it is read by hand and not from a schema.
/// </summary>
public readonly record struct RequestHeader
{
    /// <summary>The API; may be one that is not declared.</summary>
    public ApiKey ApiKey { get; init; }

    /// <summary>Version of the body; may be one that is not declared.</summary>
    public short ApiVersion { get; init; }

    /// <summary>To be sent back with the response.</summary>
    public int CorrelationId { get; init; }

    /// <summary>What the client calls itself.</summary>
    public string? ClientId { get; init; }

    /// <summary>
    /// Reads a header; false when its bytes are malformed. A negative client id length counts as null, as in Kafka.
    /// The header of an API that is not declared is read as version 1.
    /// </summary>
    /// <param name="reader">Stands at the body afterwards.</param>
    /// <param name="header">What was read.</param>
    /// <param name="lastClientId">
    /// Client id of the previous request of the connection: taken again when equal, to spare the string.
    /// </param>
    public static bool TryRead(ref KafkaReader reader, out RequestHeader header, string? lastClientId = null)
    {
        reader.Flexible = false;
        var key = (ApiKey)reader.ReadInt16();
        var version = reader.ReadInt16();
        var headerVersion = ApiCatalog.RequestHeaderVersion(key, version);
        return TryReadRest(ref reader, key, version, headerVersion, lastClientId, out header);
    }

    /// <summary>Writes the header in the version that belongs to API and version.</summary>
    public void Write(ref KafkaWriter writer) => Write(ref writer, ApiCatalog.RequestHeaderVersion(ApiKey, ApiVersion));

    internal static bool TryReadRest(
        ref KafkaReader reader,
        ApiKey key,
        short version,
        short headerVersion,
        string? lastClientId,
        out RequestHeader header)
    {
        var correlationId = reader.ReadInt32();

        // The client id keeps its plain length in header version 2 (KIP-482).
        var clientId = reader.ReadNullableString(lastClientId);
        reader.Flexible = headerVersion >= 2;
        reader.SkipTags();
        header = new RequestHeader
        {
            ApiKey = key,
            ApiVersion = version,
            CorrelationId = correlationId,
            ClientId = clientId,
        };
        return !reader.Failed;
    }

    internal void Write(ref KafkaWriter writer, short headerVersion)
    {
        writer.Flexible = false;
        writer.WriteInt16((short)ApiKey);
        writer.WriteInt16(ApiVersion);
        writer.WriteInt32(CorrelationId);
        writer.WriteNullableString(ClientId);
        writer.Flexible = headerVersion >= 2;
        writer.WriteNoTags();
    }
}
