namespace Orleans.Kafka.Grains.Configs;

/// <summary>What a set of settings belongs to, numbered as DescribeConfigs asks for it.</summary>
public enum ConfigResourceType : sbyte
{
    /// <summary>A topic, by name.</summary>
    Topic = 2,

    /// <summary>A broker by its number, or all brokers when the name is empty.</summary>
    Broker = 4,

    /// <summary>The loggers of a broker, by its number (KIP-412).</summary>
    BrokerLogger = 8,

    /// <summary>A client metrics subscription, by name (KIP-714).</summary>
    ClientMetrics = 16,

    /// <summary>A group, by id (KIP-848).</summary>
    Group = 32,
}
