namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <summary>Between sets of partitions and the lists by topic that messages have.</summary>
internal static class PartitionSets
{
    /// <summary>By topic, topics and partitions in order.</summary>
    public static GroupTopicPartitions[] ByTopic(IEnumerable<TopicIdPartition> partitions) =>
        [.. partitions.GroupBy(each => each.TopicId).OrderBy(topic => topic.Key).Select(topic => new GroupTopicPartitions
        {
            TopicId = topic.Key,
            Partitions = [.. topic.Select(each => each.Partition).Order()],
        })];

    /// <summary>As a set; null stays null.</summary>
    public static HashSet<TopicIdPartition>? Of(GroupTopicPartitions[]? topics) => topics is null
        ? null
        : [.. topics.SelectMany(topic => topic.Partitions.Select(each => new TopicIdPartition(topic.TopicId, each)))];
}
