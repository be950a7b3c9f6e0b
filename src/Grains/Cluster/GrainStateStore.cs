namespace Orleans.Kafka.Grains.Cluster;

/// <summary>The grain storage provider of the cluster's records: files in one process, ADO.NET in a cluster.</summary>
public static class GrainStateStore
{
    /// <summary>The provider's name in the host's registrations.</summary>
    public const string Name = "kafka";
}
