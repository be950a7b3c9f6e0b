namespace Orleans.Kafka.Grains.Configs;

/// <summary>A setting that stops the start of a broker: one line that names it, its value, and what is allowed.</summary>
[GenerateSerializer, Alias("kafka.BrokerSettingsException")]
public sealed class BrokerSettingsException(string message) : Exception(message);
