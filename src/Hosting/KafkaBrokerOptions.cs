using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Orleans.Kafka;

/// <summary>What a broker inside another process can be told. Everything has a default: a free port, a temporary directory.</summary>
public sealed class KafkaBrokerOptions
{
    /// <summary>
    /// Where the log lives. Null for a fresh temporary directory, which is deleted when the broker is disposed; a
    /// directory that is given is kept, and opened again by the next broker that gets it.
    /// </summary>
    public string? Directory { get; set; }

    /// <summary>
    /// The broker's settings by Kafka's names, e.g. <c>num.partitions</c>. They win over the defaults of an embedded
    /// broker: <c>listeners=PLAINTEXT://127.0.0.1:0</c> (a free port) and <c>group.initial.rebalance.delay.ms=0</c>.
    /// </summary>
    public IDictionary<string, string> Settings { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Where the broker logs to; nowhere by default.</summary>
    public ILoggerFactory LoggerFactory { get; set; } = NullLoggerFactory.Instance;

    /// <summary>The broker's clock.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Seeds what the broker draws at random (topic ids, first leaders). Null for a seed of its own.</summary>
    public int? Seed { get; set; }
}
