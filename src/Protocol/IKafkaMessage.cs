namespace Orleans.Kafka.Protocol;

/// <summary>
/// A request, response or record of the Kafka protocol. The classes are generated from <c>Schemas/*.kafka</c> at build
/// time.
/// </summary>
public interface IKafkaMessage
{
    /// <summary>
    /// Reads the body of <paramref name="version"/> into this object, which must be fresh. Never throws: malformed
    /// bytes, missing bytes and a version that is not declared leave <see cref="KafkaReader.Failed"/> set, and then
    /// what was read is not to be used. Bytes behind the body stay in the reader, as Kafka allows them.
    /// </summary>
    void Read(ref KafkaReader reader, short version);

    /// <summary>
    /// Writes the body of <paramref name="version"/>; fields that the version lacks are left out. The caller finishes
    /// with <see cref="KafkaWriter.Complete"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The version is not declared.</exception>
    /// <exception cref="InvalidOperationException">
    /// A field is null where the version does not allow it, or a string is longer than 32,767 bytes.
    /// </exception>
    void Write(ref KafkaWriter writer, short version);
}

/// <summary>A message whose versions are known from its type.</summary>
public interface IKafkaVersioned : IKafkaMessage
{
    /// <summary>Lowest declared version.</summary>
    static abstract short MinVersion { get; }

    /// <summary>Highest declared version; may be above <see cref="ApiCatalog.MaxVersion"/>.</summary>
    static abstract short MaxVersion { get; }

    /// <summary>First version in the flexible encoding (KIP-482); 32767 when there is none.</summary>
    static abstract short FirstFlexibleVersion { get; }
}

/// <summary>The request of an API.</summary>
public interface IKafkaRequest : IKafkaVersioned
{
    /// <summary>The API.</summary>
    static abstract ApiKey Key { get; }
}

/// <summary>The response of an API.</summary>
public interface IKafkaResponse : IKafkaVersioned
{
    /// <summary>The API.</summary>
    static abstract ApiKey Key { get; }
}
