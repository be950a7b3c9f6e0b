namespace Orleans.Kafka.Grains;

/// <summary>The meter of the broker. Its instruments are listed in <c>docs/metrics.md</c>.</summary>
public static class KafkaMeter
{
    /// <summary>Its name, which exporters ask for.</summary>
    public const string Name = "Orleans.Kafka";
}
