namespace Orleans.Kafka.Protocol;

/// <summary>What stands in front of a response's body.</summary>
public static class ResponseHeader
{
    /// <summary>Writes the header of an answer to a request of this API and version.</summary>
    public static void Write(ref KafkaWriter writer, ApiKey key, short version, int correlationId)
    {
        writer.WriteInt32(correlationId);
        writer.Flexible = ApiCatalog.ResponseHeaderVersion(key, version) >= 1;
        writer.WriteNoTags();
    }

    /// <summary>Reads the header of an answer to a request of this API and version; false when malformed.</summary>
    public static bool TryRead(ref KafkaReader reader, ApiKey key, short version, out int correlationId)
    {
        correlationId = reader.ReadInt32();
        reader.Flexible = ApiCatalog.ResponseHeaderVersion(key, version) >= 1;
        reader.SkipTags();
        return !reader.Failed;
    }
}
