namespace Orleans.Kafka.Grains.Groups.Lag;

/// <summary>How far a group is behind in one partition.</summary>
/// <param name="GroupId">The group.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="CommittedOffset">The committed offset: that of the next record to read.</param>
/// <param name="EndOffset">The high watermark; -1 when the partition's leader could not be asked.</param>
/// <param name="Records">End offset minus committed offset; -1 when the end is not known.</param>
/// <param name="Age">
/// How long ago the first record that is not consumed was written, by its timestamp. Zero when all is consumed; null when
/// it is not known.
/// </param>
public sealed record PartitionLag(
    string GroupId, string Topic, int Partition, long CommittedOffset, long EndOffset, long Records, TimeSpan? Age);
