namespace Orleans.Kafka.Grains.Groups;

/// <content>Offsets: commit, fetch, delete, expiry.</content>
internal sealed partial class Group
{
    private const short GroupIdNotFoundFirstVersion = 9;

    /// <summary>OffsetCommit; one error for each offset. What is taken is in the effects' records.</summary>
    public short[] Commit(GroupCommit commit, GroupTime now)
    {
        var errors = new short[commit.Offsets.Length];
        ErrorCode error = Check(commit, now);
        if (error != ErrorCode.None)
        {
            Array.Fill(errors, (short)error);
            return errors;
        }

        int metadataMax = settings().OffsetMetadataMax;
        long expires = commit.RetentionTimeMs >= 0 ? now.UnixMs + commit.RetentionTimeMs : -1;
        for (int i = 0; i < errors.Length; i++)
        {
            GroupOffset offset = commit.Offsets[i];
            if (_consumers?.Check(commit, offset) is { } refusal and not ErrorCode.None)
            {
                errors[i] = (short)refusal;
                continue;
            }

            if (offset.Metadata.Length > metadataMax)
            {
                errors[i] = (short)ErrorCode.OffsetMetadataTooLarge;
                continue;
            }

            var stored = new StoredOffset(offset, now.UnixMs, expires);
            _offsets.Set(stored);
            _effects.Records.Add(GroupRecords.Offset(id, stored));
        }

        return errors;
    }

    /// <summary>OffsetFetch: what was asked for, -1 where there is none; everything for null.</summary>
    public GroupOffset[] FetchOffsets(GroupPartitionName[]? wanted) => wanted is null
        ? [.. _offsets.All.Select(offset => offset.Value)]
        : Array.ConvertAll(wanted, FetchOffset);

    /// <summary>OffsetDelete: not while a member subscribes to the topic.</summary>
    public GroupOffsetDeletion DeleteOffsets(GroupPartitionName[] partitions)
    {
        if (!Exists)
        {
            return new GroupOffsetDeletion { Error = (short)ErrorCode.GroupIdNotFound };
        }

        if (_consumers is null && State != GroupState.Empty && _protocolType != GroupProtocols.Consumer)
        {
            return new GroupOffsetDeletion { Error = (short)ErrorCode.NonEmptyGroup };
        }

        return new GroupOffsetDeletion { Errors = Array.ConvertAll(partitions, each => (short)DeleteOffset(each)) };
    }

    /// <summary>DeleteGroups.</summary>
    public ErrorCode Delete()
    {
        if (!Exists)
        {
            return ErrorCode.GroupIdNotFound;
        }

        if (State != GroupState.Empty || _consumers is { IsEmpty: false })
        {
            return ErrorCode.NonEmptyGroup;
        }

        foreach (StoredOffset offset in _offsets.All.ToList())
        {
            Forget(offset);
        }

        Die();
        return ErrorCode.None;
    }

    /// <summary>
    /// Forgets offsets that nobody used for too long. In a group of consumers the time runs from when the last member
    /// left, and for topics that nobody subscribes to from the commit; otherwise from the commit (KIP-211).
    /// </summary>
    public void ExpireOffsets(GroupTime now)
    {
        if (State == GroupState.Dead)
        {
            return;
        }

        if (_consumers is { } consumers)
        {
            ExpireOffsets(consumers, now);
            return;
        }

        // While members join and leave it is not known who will want what.
        bool isKnown = State == GroupState.Empty || (State == GroupState.Stable && _subscribedTopics is not null);
        if (isKnown)
        {
            long unusedSince = State == GroupState.Empty && _protocolType is not null ? _stateTimestampMs : -1;
            IReadOnlySet<string>? inUse = State == GroupState.Empty ? null : _subscribedTopics;
            _offsets.Expired(now.UnixMs, settings().OffsetRetentionMs, unusedSince, inUse).ForEach(Forget);
        }

        if (State == GroupState.Empty && _offsets.Count == 0 && _pending.Count == 0 && _isRecorded)
        {
            Die();
        }
    }

    /// <summary>
    /// The topic is no more: what was committed for it says nothing of another topic that takes its name. Offsets that
    /// were committed without the topic's id go by the name.
    /// </summary>
    public void ForgetTopic(string name, Guid topicId)
    {
        foreach (StoredOffset offset in _offsets.All
            .Where(each => each.Value.Topic == name && (each.Value.TopicId == topicId || each.Value.TopicId == Guid.Empty))
            .ToList())
        {
            Forget(offset);
        }
    }

    /// <summary>What was committed for a former topic of the name is nothing to the one that is asked for.</summary>
    private GroupOffset FetchOffset(GroupPartitionName wanted)
    {
        GroupOffset? stored = _offsets.Find(wanted.Topic, wanted.Partition)?.Value;
        bool isOthers = stored is not null && stored.TopicId != Guid.Empty && wanted.TopicId != Guid.Empty &&
            stored.TopicId != wanted.TopicId;
        return stored is null || isOthers
            ? new GroupOffset { Topic = wanted.Topic, Partition = wanted.Partition, Offset = -1 }
            : stored;
    }

    private void Die()
    {
        if (_isRecorded)
        {
            _effects.Records.Add(GroupRecords.NoState(id));
        }

        _consumers?.WriteEnd();
        _consumers = null;
        _pending.Clear();
        _isRecorded = false;
        State = GroupState.Dead;
    }

    private void Forget(StoredOffset offset)
    {
        _offsets.Remove(offset.Value.Topic, offset.Value.Partition);
        _effects.Records.Add(GroupRecords.NoOffset(id, offset.Value.Topic, offset.Value.Partition));
    }

    private ErrorCode DeleteOffset(GroupPartitionName partition)
    {
        if (_consumers?.SubscribedTopics.Contains(partition.Topic) == true ||
            (State != GroupState.Empty && _subscribedTopics?.Contains(partition.Topic) != false))
        {
            return ErrorCode.GroupSubscribedToTopic;
        }

        if (_offsets.Find(partition.Topic, partition.Partition) is { } stored)
        {
            Forget(stored);
        }

        return ErrorCode.None;
    }

    private ErrorCode Check(GroupCommit commit, GroupTime now)
    {
        if (State == GroupState.Dead)
        {
            return ErrorCode.CoordinatorNotAvailable;
        }

        if (!Exists && _pending.Count == 0 && commit.Generation >= 0)
        {
            return commit.Version >= GroupIdNotFoundFirstVersion ? ErrorCode.GroupIdNotFound : ErrorCode.IllegalGeneration;
        }

        if (_consumers is { } consumers)
        {
            return consumers.Check(commit, now);
        }

        // Who does not join a group may use its offsets as long as nobody else does.
        if (commit.Generation < 0 && State == GroupState.Empty)
        {
            return ErrorCode.None;
        }

        ErrorCode error = Find(commit.Member, out GroupMember member);
        if (error != ErrorCode.None)
        {
            return error;
        }

        if (commit.Generation != Generation)
        {
            return ErrorCode.IllegalGeneration;
        }

        if (State == GroupState.CompletingRebalance)
        {
            return ErrorCode.RebalanceInProgress;
        }

        RestartSession(member, now);
        return ErrorCode.None;
    }
}
