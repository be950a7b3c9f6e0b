namespace Orleans.Kafka.Grains.Groups;

/// <summary>A record for <c>__consumer_offsets</c>; a null value is a tombstone.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
/// <param name="TimestampMs">When it was written, as the log has it; -1 for one that is yet to be written.</param>
internal readonly record struct GroupRecord(byte[] Key, byte[]? Value, long TimestampMs = -1);

/// <summary>A member that was given up because it did not do in time what it had to.</summary>
/// <param name="MemberId">The member.</param>
/// <param name="ClientId">Its client's own name.</param>
/// <param name="ClientHost">Where its client is.</param>
/// <param name="Reason">What it did not do.</param>
internal readonly record struct LostMember(string MemberId, string ClientId, string ClientHost, string Reason);

/// <summary>What an event led to. Answers may leave when the records are in the log.</summary>
internal sealed class GroupEffects
{
    /// <summary>Answers to JoinGroup, by the ticket of the request.</summary>
    public List<(long Ticket, GroupJoinReply Reply)> Joins { get; } = [];

    /// <summary>Answers to SyncGroup, by the ticket of the request.</summary>
    public List<(long Ticket, GroupSyncReply Reply)> Syncs { get; } = [];

    /// <summary>Who was given up: for whoever looks after the broker.</summary>
    public List<LostMember> Lost { get; } = [];

    /// <summary>What must be in the log before anybody hears of it.</summary>
    public List<GroupRecord> Records { get; } = [];
}
