namespace Orleans.Kafka.Grains.Cluster;

/// <summary>
/// Chooses the brokers of new partitions: leaders dealt in turn from a chosen start, followers shifted further with
/// each round, so that leaders and followers are spread evenly (Kafka's rule without racks).
/// </summary>
internal static class ReplicaAssigner
{
    /// <param name="brokers">The live brokers; at least <paramref name="replicationFactor"/> of them.</param>
    /// <param name="firstPartition">The number of the first new partition.</param>
    /// <param name="count">How many partitions.</param>
    /// <param name="replicationFactor">Replicas of each.</param>
    /// <param name="start">Index of the broker that leads partition 0; the caller draws it.</param>
    public static int[][] Assign(int[] brokers, int firstPartition, int count, int replicationFactor, int start)
    {
        int[][] assignment = new int[count][];
        for (int i = 0; i < count; i++)
        {
            int partition = firstPartition + i;
            int leader = (start + partition) % brokers.Length;
            int round = partition / brokers.Length;
            int[] replicas = new int[replicationFactor];
            replicas[0] = brokers[leader];
            for (int replica = 1; replica < replicationFactor; replica++)
            {
                int shift = 1 + (round + replica - 1) % Math.Max(1, brokers.Length - 1);
                replicas[replica] = brokers[(leader + shift) % brokers.Length];
            }

            assignment[i] = replicas;
        }

        return assignment;
    }
}
