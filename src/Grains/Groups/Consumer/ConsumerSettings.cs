using System.Globalization;
using Orleans.Kafka.Grains.Configs;
using Orleans.Kafka.Grains.Groups.Assignors;

namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>What settings say about groups of the consumer protocol (KIP-848).</summary>
internal sealed record ConsumerSettings
{
    private static readonly string[] UsualAssignors = ["uniform", "range"];

    /// <summary>group.consumer.session.timeout.ms, or the group's own consumer.session.timeout.ms.</summary>
    public int SessionTimeoutMs { get; init; } = 45_000;

    /// <summary>group.consumer.heartbeat.interval.ms, or the group's own consumer.heartbeat.interval.ms.</summary>
    public int HeartbeatIntervalMs { get; init; } = 5000;

    /// <summary>group.consumer.assignment.interval.ms, or the group's own consumer.assignment.interval.ms.</summary>
    public int AssignmentIntervalMs { get; init; } = 1000;

    /// <summary>group.consumer.max.size</summary>
    public int SizeMax { get; init; } = int.MaxValue;

    /// <summary>
    /// group.consumer.assignors: those that members may wish; the first is the default. Names of Java classes, which
    /// Kafka takes too, are left out.
    /// </summary>
    public string[] Assignors { get; init; } = UsualAssignors;

    /// <summary>A classic group becomes a consumer group when the first member of the new protocol joins.</summary>
    public bool Upgrades { get; init; } = true;

    /// <summary>A consumer group becomes a classic group when the last member of the new protocol leaves.</summary>
    public bool Downgrades { get; init; } = true;

    private (int Min, int Max) SessionTimeoutBounds { get; init; } = (45_000, 60_000);

    private (int Min, int Max) HeartbeatIntervalBounds { get; init; } = (5000, 15_000);

    private (int Min, int Max) AssignmentIntervalBounds { get; init; } = (0, 15_000);

    /// <summary>Reads the broker's settings.</summary>
    public static ConsumerSettings Of(BrokerSettings settings)
    {
        string policy = settings.String("group.consumer.migration.policy")?.ToLowerInvariant() ?? "";
        string[] known =
            [.. (settings.List("group.consumer.assignors") ?? []).Where(GroupAssignors.ByName.ContainsKey).Distinct()];
        return new ConsumerSettings
        {
            SessionTimeoutMs = settings.Int("group.consumer.session.timeout.ms"),
            HeartbeatIntervalMs = settings.Int("group.consumer.heartbeat.interval.ms"),
            AssignmentIntervalMs = settings.Int("group.consumer.assignment.interval.ms"),
            SizeMax = settings.Int("group.consumer.max.size"),
            Assignors = known.Length > 0 ? known : UsualAssignors,
            Upgrades = policy is "bidirectional" or "upgrade",
            Downgrades = policy is "bidirectional" or "downgrade",
            SessionTimeoutBounds = Bounds(settings, "session.timeout.ms"),
            HeartbeatIntervalBounds = Bounds(settings, "heartbeat.interval.ms"),
            AssignmentIntervalBounds = Bounds(settings, "assignment.interval.ms"),
        };
    }

    /// <summary>With the group's own settings, held within the broker's bounds.</summary>
    public ConsumerSettings For(IReadOnlyDictionary<string, string>? own) => own is null ? this : this with
    {
        SessionTimeoutMs = Own(own, "consumer.session.timeout.ms", SessionTimeoutMs, SessionTimeoutBounds),
        HeartbeatIntervalMs = Own(own, "consumer.heartbeat.interval.ms", HeartbeatIntervalMs, HeartbeatIntervalBounds),
        AssignmentIntervalMs = Own(own, "consumer.assignment.interval.ms", AssignmentIntervalMs, AssignmentIntervalBounds),
    };

    private static (int Min, int Max) Bounds(BrokerSettings settings, string name) =>
        (settings.Int($"group.consumer.min.{name}"), settings.Int($"group.consumer.max.{name}"));

    private static int Own(IReadOnlyDictionary<string, string> own, string name, int usual, (int Min, int Max) bounds) =>
        own.TryGetValue(name, out string? text) &&
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            ? Math.Max(bounds.Min, Math.Min(bounds.Max, value))
            : usual;
}
