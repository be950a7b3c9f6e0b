namespace Orleans.Kafka.Grains.Groups.Assignors;

/// <summary>The assignors that the coordinator can run itself, for <c>group.consumer.assignors</c> (KIP-848).</summary>
public static class GroupAssignors
{
    /// <summary>
    /// By name. The cooperative one is not among them: its two steps are those that the consumer protocol takes anyway.
    /// </summary>
    public static IReadOnlyDictionary<string, IGroupAssignor> ByName { get; } = new IGroupAssignor[]
    {
        new UniformAssignor(), new RangeAssignor(), new RoundRobinAssignor(), new StickyAssignor(),
    }.ToDictionary(assignor => assignor.Name, StringComparer.Ordinal);
}
