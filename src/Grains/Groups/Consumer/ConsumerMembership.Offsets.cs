namespace Orleans.Kafka.Grains.Groups.Consumer;

/// <content>Who may commit and fetch offsets.</content>
internal sealed partial class ConsumerMembership
{
    /// <summary>OffsetCommit of a member with its epoch came with version 9.</summary>
    private const short MemberEpochFirstVersion = 9;

    /// <summary>Why a commit is refused as a whole, if it is.</summary>
    public ErrorCode Check(GroupCommit commit, GroupTime now)
    {
        // Who does not join a group may use its offsets as long as nobody else does.
        if (commit.Generation < 0 && IsEmpty)
        {
            return ErrorCode.None;
        }

        if (!_members.TryGetValue(commit.Member.MemberId, out ConsumerMember? member))
        {
            return ErrorCode.UnknownMemberId;
        }

        if (member.Classic is not null)
        {
            if (commit.Generation != member.Epoch)
            {
                return ErrorCode.IllegalGeneration;
            }

            RestartSession(member, now);
            return ErrorCode.None;
        }

        if (commit.Version < MemberEpochFirstVersion)
        {
            return ErrorCode.UnsupportedVersion;
        }

        return commit.Generation < 0 || commit.Generation > member.Epoch ? ErrorCode.StaleMemberEpoch : ErrorCode.None;
    }

    /// <summary>
    /// Why one offset of a commit is refused, if it is: a member that has not heard of its newest epoch yet may commit
    /// for what it had before and has still.
    /// </summary>
    public ErrorCode Check(GroupCommit commit, GroupOffset offset)
    {
        if (commit.Generation < 0 || !_members.TryGetValue(commit.Member.MemberId, out ConsumerMember? member) ||
            commit.Generation == member.Epoch)
        {
            return ErrorCode.None;
        }

        Guid topicId = offset.TopicId != Guid.Empty
            ? offset.TopicId
            : metadata().Topics.GetValueOrDefault(offset.Topic)?.Id ?? Guid.Empty;
        var partition = new TopicIdPartition(topicId, offset.Partition);
        bool isOwn = member.Assigned.TryGetValue(partition, out int since) ||
            member.PendingRevocation.TryGetValue(partition, out since);
        return isOwn && since <= commit.Generation ? ErrorCode.None : ErrorCode.StaleMemberEpoch;
    }

    /// <summary>Why a fetch of offsets is refused, if it is. Who names no member may always look.</summary>
    public ErrorCode Check(GroupFetch fetch)
    {
        if (string.IsNullOrEmpty(fetch.MemberId) && fetch.MemberEpoch < 0)
        {
            return ErrorCode.None;
        }

        if (!_members.TryGetValue(fetch.MemberId ?? "", out ConsumerMember? member))
        {
            return ErrorCode.UnknownMemberId;
        }

        return fetch.MemberEpoch == member.Epoch ? ErrorCode.None
            : member.Classic is null ? ErrorCode.StaleMemberEpoch
            : ErrorCode.IllegalGeneration;
    }
}
