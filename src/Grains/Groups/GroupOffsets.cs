namespace Orleans.Kafka.Grains.Groups;

/// <summary>A committed offset with what expiry must know.</summary>
/// <param name="Value">The offset.</param>
/// <param name="CommitTimestampMs">When it was committed, on the calendar's clock.</param>
/// <param name="ExpireTimestampMs">When it is to be forgotten, as an old client asked; -1 for the broker's setting.</param>
internal sealed record StoredOffset(GroupOffset Value, long CommitTimestampMs, long ExpireTimestampMs);

/// <summary>The committed offsets of one group.</summary>
internal sealed class GroupOffsets
{
    private readonly Dictionary<(string Topic, int Partition), StoredOffset> _offsets = [];

    /// <summary>How many there are.</summary>
    public int Count => _offsets.Count;

    /// <summary>All of them.</summary>
    public IEnumerable<StoredOffset> All => _offsets.Values;

    /// <summary>The offset of a partition, or null.</summary>
    public StoredOffset? Find(string topic, int partition) => _offsets.GetValueOrDefault((topic, partition));

    /// <summary>Takes a commit in; the last one counts, whatever it says.</summary>
    public void Set(StoredOffset offset) => _offsets[(offset.Value.Topic, offset.Value.Partition)] = offset;

    /// <summary>Forgets a partition's offset. False when there was none.</summary>
    public bool Remove(string topic, int partition) => _offsets.Remove((topic, partition));

    /// <summary>
    /// Those whose time is over: an own expiry that has come, or else a retention past both the commit and, where that
    /// is given, the moment since when nobody uses the group.
    /// </summary>
    public List<StoredOffset> Expired(long nowMs, long retentionMs, long unusedSinceMs, IReadOnlySet<string>? inUse) =>
        [.. _offsets.Values.Where(offset =>
            inUse?.Contains(offset.Value.Topic) != true &&
            (offset.ExpireTimestampMs >= 0
                ? offset.ExpireTimestampMs <= nowMs
                : Math.Max(offset.CommitTimestampMs, unusedSinceMs) + retentionMs <= nowMs))];
}
