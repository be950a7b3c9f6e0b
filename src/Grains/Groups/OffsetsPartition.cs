using System.Buffers;
using System.Collections.Concurrent;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>What ListGroups shows of a group.</summary>
public sealed record GroupListing(
    string GroupId, string ProtocolType, string State, string Type = GroupListing.ClassicType)
{
    /// <summary>Groups whose members join and sync.</summary>
    public const string ClassicType = "classic";

    /// <summary>Groups that the coordinator assigns to (KIP-848).</summary>
    public const string ConsumerType = "consumer";
}

/// <summary>
/// A partition of <c>__consumer_offsets</c> that this broker leads: read once, by one pass for all of its groups; then
/// written by their grains. Thread-safe.
/// </summary>
/// <param name="replica">The partition's replica.</param>
/// <param name="openedAtMs">Now, on the forward clock.</param>
internal sealed class OffsetsPartition(Replica replica, long openedAtMs)
{
    /// <summary>Batches are cut here, far below the largest that a log takes.</summary>
    private const int BatchSizeMax = 512 << 10;

    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private readonly HashSet<string> _claimed = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, GroupListing> _listings = new(StringComparer.Ordinal);
    private Dictionary<string, GroupImage> _unclaimed = new(StringComparer.Ordinal);
    private readonly int _leaderEpoch = replica.Role.LeaderEpoch;
    private volatile bool _isAbandoned;

    /// <summary>The partition's replica.</summary>
    public Replica Replica => replica;

    /// <summary>When its reading was begun, on the forward clock.</summary>
    public long OpenedAtMs => openedAtMs;

    /// <summary>Complete when the log was read; faulted when it could not be.</summary>
    public Task Loaded => _loaded.Task;

    /// <summary>
    /// False when groups must not work with it any more: it is read anew, here or by another broker. A leader of a later
    /// epoch may have been none in between, while somebody else wrote.
    /// </summary>
    public bool IsCurrent => !_isAbandoned && !replica.Log.IsFailed &&
        replica.Role is { IsLeader: true } role && role.LeaderEpoch == _leaderEpoch;

    /// <summary>The groups that can be shown.</summary>
    public IEnumerable<GroupListing> Listings => _listings.Values;

    /// <summary>Has it read; an empty log is read at once.</summary>
    public void Load(ReadingQueue queue)
    {
        if (replica.Log.Offsets is { } offsets && offsets.LogStart == offsets.LogEnd)
        {
            _loaded.SetResult();
        }
        else
        {
            queue.Add(Read);
        }
    }

    /// <summary>
    /// What the log says of a group, for its grain, which alone writes of it from now on. After the first time the log
    /// is read again: the grain before had to give up without knowing what was written.
    /// </summary>
    public GroupImage Claim(string group)
    {
        lock (_lock)
        {
            if (_claimed.Add(group))
            {
                return _unclaimed.Remove(group, out GroupImage? image) ? image : new GroupImage();
            }
        }

        return GroupLogReader.Read(replica.Log, each => each == group).GetValueOrDefault(group) ?? new GroupImage();
    }

    /// <summary>
    /// The groups that may have committed something for a topic: those whose grains know better than the log, and those
    /// of which the log says so.
    /// </summary>
    public List<string> GroupsThatMayRead(string topic)
    {
        lock (_lock)
        {
            return
            [
                .. _claimed,
                .. _unclaimed.Where(each => each.Value.Offsets.All.Any(offset => offset.Value.Topic == topic))
                    .Select(each => each.Key),
            ];
        }
    }

    /// <summary>The log has nothing of the group any more.</summary>
    public void Release(string group)
    {
        lock (_lock)
        {
            _claimed.Remove(group);
        }
    }

    /// <summary>Sets what is shown of a group; null shows it no more.</summary>
    public void Show(string group, GroupListing? listing)
    {
        if (listing is null)
        {
            _listings.TryRemove(group, out _);
        }
        else if (!_listings.TryGetValue(group, out GroupListing? shown) || shown != listing)
        {
            _listings[group] = listing;
        }
    }

    /// <summary>Nobody works with it from now on.</summary>
    public void Abandon() => _isAbandoned = true;

    /// <summary>
    /// Appends records; done when they are in the log. The queue of the replica's writer puts what comes from several
    /// groups at a time into one write.
    /// </summary>
    public async Task<ErrorCode> AppendAsync(List<GroupRecord> records, long nowMs)
    {
        if (!IsCurrent)
        {
            return ErrorCode.NotCoordinator;
        }

        var appends = new List<Task<ErrorCode>>();
        var batch = new RecordBatchBuilder();
        foreach (GroupRecord record in records)
        {
            if (batch.Count > 0 && batch.Size + record.Key.Length + (record.Value?.Length ?? 0) > BatchSizeMax)
            {
                appends.Add(AppendAsync(batch));
                batch = new RecordBatchBuilder();
            }

            batch.Add(nowMs, record.Key, record.Value);
        }

        appends.Add(AppendAsync(batch));
        ErrorCode worst = ErrorCode.None;
        foreach (Task<ErrorCode> append in appends)
        {
            ErrorCode error = await append;
            worst = worst == ErrorCode.None ? error : worst;
        }

        return worst;
    }

    private void Read()
    {
        try
        {
            _unclaimed = GroupLogReader.Read(replica.Log, static _ => true);
            foreach ((string group, GroupImage image) in _unclaimed)
            {
                _listings[group] = ListingOf(group, image);
            }

            _loaded.SetResult();
        }
        catch (Exception exception)
        {
            _isAbandoned = true;
            _loaded.SetException(exception);
        }
    }

    private static GroupListing ListingOf(string group, GroupImage image) => image.IsConsumerGroup
        ? new GroupListing(group, GroupProtocols.Consumer, image.Consumer.State.ToString(), GroupListing.ConsumerType)
        : ClassicListingOf(group, image);

    private static GroupListing ClassicListingOf(string group, GroupImage image) => new(
        group,
        image.State?.ProtocolType ?? "",
        (image.State?.Members.Count > 0 ? GroupState.Stable : GroupState.Empty).ToString());

    private Task<ErrorCode> AppendAsync(RecordBatchBuilder batch)
    {
        var append = new GroupAppend(batch.Build());
        if (replica.Enqueue(append))
        {
            replica.Drain();
        }

        return append.Done;
    }

    private sealed class GroupAppend : ReplicaAppend
    {
        private readonly TaskCompletionSource<ErrorCode> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public GroupAppend(ReadOnlyMemory<byte> batch)
        {
            Append.Origin = AppendOrigin.Coordinator;
            Append.Records = new ReadOnlySequence<byte>(batch);
        }

        public Task<ErrorCode> Done => _done.Task;

        protected internal override void OnAppended() => _done.SetResult(Append.Error);
    }
}
