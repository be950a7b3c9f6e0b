namespace Orleans.Kafka.Grains.Cluster;

/// <summary>Kafka's rules for topic names (<c>org.apache.kafka.common.internals.Topic</c>).</summary>
public static class TopicName
{
    /// <summary>The topic in which consumer groups keep their offsets.</summary>
    public const string ConsumerOffsets = "__consumer_offsets";

    /// <summary>The topic in which transactions keep their state.</summary>
    public const string TransactionState = "__transaction_state";

    /// <summary>The topic in which share groups keep their state.</summary>
    public const string ShareGroupState = "__share_group_state";

    /// <summary>The name that Kafka's own metadata log has; no topic may be called so.</summary>
    public const string ClusterMetadata = "__cluster_metadata";

    /// <summary>Longest name, in characters: with <c>-</c>, partition and suffix it still is a file name.</summary>
    public const int LengthMax = 249;

    /// <summary>True for a topic that clients may read but not write.</summary>
    public static bool IsInternal(string name) => name is ConsumerOffsets or TransactionState or ShareGroupState;

    /// <summary>Null when the name is legal, else what is wrong with it, in Kafka's words.</summary>
    public static string? Fault(string name) => name switch
    {
        "" => "Topic name is invalid: the empty string is not allowed",
        "." => "Topic name is invalid: '.' is not allowed",
        ".." => "Topic name is invalid: '..' is not allowed",
        { Length: > LengthMax } =>
            $"Topic name is invalid: the length of '{name}' is longer than the max allowed length {LengthMax}",
        _ when name.AsSpan().IndexOfAnyExcept(Legal) >= 0 =>
            $"Topic name is invalid: '{name}' contains one or more characters other than ASCII alphanumerics, "
            + "'.', '_' and '-'",
        _ => null,
    };

    /// <summary>
    /// The form under which names collide: metric names cannot tell <c>.</c> from <c>_</c>, so Kafka refuses a topic
    /// that differs from another in these alone.
    /// </summary>
    public static string CollisionForm(string name) => name.Replace('.', '_');

    private static readonly System.Buffers.SearchValues<char> Legal = System.Buffers.SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
}
