namespace Orleans.Kafka.Grains.Groups;

/// <summary>A record for <c>__consumer_offsets</c>; a null value is a tombstone.</summary>
internal readonly record struct GroupRecord(byte[] Key, byte[]? Value);

/// <summary>What an event led to. Answers may leave when the records are in the log.</summary>
internal sealed class GroupEffects
{
    /// <summary>Answers to JoinGroup, by the ticket of the request.</summary>
    public List<(long Ticket, GroupJoinReply Reply)> Joins { get; } = [];

    /// <summary>Answers to SyncGroup, by the ticket of the request.</summary>
    public List<(long Ticket, GroupSyncReply Reply)> Syncs { get; } = [];

    /// <summary>What must be in the log before anybody hears of it.</summary>
    public List<GroupRecord> Records { get; } = [];
}
