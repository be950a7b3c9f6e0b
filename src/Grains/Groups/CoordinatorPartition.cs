namespace Orleans.Kafka.Grains.Groups;

/// <summary>Where a coordinator keeps what it knows of a key.</summary>
public static class CoordinatorPartition
{
    /// <summary>Java's <c>String.hashCode</c>, sign bit cleared: where every Kafka client and tool expects the key.</summary>
    public static int Of(string key, int partitions)
    {
        int hash = 0;
        foreach (char c in key)
        {
            hash = unchecked((31 * hash) + c);
        }

        return (hash & int.MaxValue) % partitions;
    }
}
