using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Groups.Consumer;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>What the broker's settings say about groups.</summary>
internal sealed record GroupSettings
{
    /// <summary>group.initial.rebalance.delay.ms: how long an empty group waits for more members after the first.</summary>
    public long InitialRebalanceDelayMs { get; init; } = 3000;

    /// <summary>group.min.session.timeout.ms</summary>
    public int SessionTimeoutMinMs { get; init; } = 6000;

    /// <summary>group.max.session.timeout.ms</summary>
    public int SessionTimeoutMaxMs { get; init; } = 1_800_000;

    /// <summary>group.max.size</summary>
    public int SizeMax { get; init; } = int.MaxValue;

    /// <summary>offset.metadata.max.bytes</summary>
    public int OffsetMetadataMax { get; init; } = 4096;

    /// <summary>offsets.retention.minutes, in milliseconds.</summary>
    public long OffsetRetentionMs { get; init; } = 7L * 24 * 60 * 60 * 1000;

    /// <summary>What is said about groups of the consumer protocol.</summary>
    public ConsumerSettings Consumer { get; init; } = new();

    /// <summary>Reads the broker's settings.</summary>
    public static GroupSettings Of(BrokerSettings settings) => new()
    {
        InitialRebalanceDelayMs = settings.Int("group.initial.rebalance.delay.ms"),
        SessionTimeoutMinMs = settings.Int("group.min.session.timeout.ms"),
        SessionTimeoutMaxMs = settings.Int("group.max.session.timeout.ms"),
        SizeMax = settings.Int("group.max.size"),
        OffsetMetadataMax = settings.Int("offset.metadata.max.bytes"),
        OffsetRetentionMs = settings.Int("offsets.retention.minutes") * 60_000L,
        Consumer = ConsumerSettings.Of(settings),
    };
}
