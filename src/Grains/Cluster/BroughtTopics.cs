namespace Orleans.Kafka.Grains.Cluster;

/// <summary>
/// The topics of a log directory that the first broker brings along. Their settings are not in there, but for what every
/// broker knows: that internal topics are compacted.
/// </summary>
internal static class BroughtTopics
{
    /// <summary>
    /// The topics as the cluster will know them: all partitions up to the largest number found, led by who brings them in
    /// the epoch after the last one. Where two ids claim a name, the one with more partitions has it; the other's
    /// directories stay where they are until the name is opened, and are set aside then.
    /// </summary>
    public static IEnumerable<TopicImage> Of(BroughtDirectory directory, long version) =>
        from partition in directory.Partitions
        group partition by partition.Topic into named
        let partitions = named.GroupBy(each => each.TopicId).MaxBy(each => each.Count())!.ToList()
        select new TopicImage
        {
            Name = named.Key,
            Id = partitions[0].TopicId,
            Version = version,
            Partitions = [.. Enumerable.Range(0, partitions.Max(each => each.Partition) + 1).Select(number => Image(
                number, directory.BrokerId, partitions.Find(each => each.Partition == number)?.LatestLeaderEpoch ?? -1))],
            Configs = TopicName.IsInternal(named.Key) ? new() { ["cleanup.policy"] = "compact" } : [],
        };

    private static PartitionImage Image(int number, int brokerId, int latestLeaderEpoch) => new()
    {
        Partition = number,
        Replicas = [brokerId],
        InSyncReplicas = [brokerId],
        Leader = brokerId,
        LeaderEpoch = latestLeaderEpoch + 1,
        PartitionEpoch = 0,
    };
}
