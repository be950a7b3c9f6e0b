using Microsoft.Extensions.Logging;
using Orleans.Kafka.Grains.Cluster;

namespace Orleans.Kafka.Grains.Groups;

/// <content>What the coordinator does by itself, from the broker's start to its stop.</content>
public sealed partial class GroupCoordinator
{
    private ITimer? _expiry;
    private int _isExpiring;

    /// <summary>
    /// Complete when the broker stops: who waits for a rebalance is answered with NOT_COORDINATOR then, and looks for
    /// the next coordinator.
    /// </summary>
    public Task Stopping => _stopping.Task;

    /// <summary>Begins to read the groups, in the background, and to look for offsets that nobody needs any more.</summary>
    public void Start()
    {
        _metadata.TopicDeleted += ForgetTopic;
        OwnPartitions();
        TimeSpan period = TimeSpan.FromMilliseconds(_settings.Value.Long("offsets.retention.check.interval.ms"));
        _expiry = _clock.CreateTimer(
            static state => _ = ((GroupCoordinator)state!).ExpireOffsetsAsync(), this, period, period);
    }

    /// <summary>Takes no more requests.</summary>
    public void Stop()
    {
        _metadata.TopicDeleted -= ForgetTopic;
        _expiry?.Dispose();
        _stopping.TrySetResult();
    }

    /// <summary>
    /// Members that died with the last coordinator, or meanwhile, are found out by their groups' grains alone: so groups
    /// that have members get theirs without being asked for.
    /// </summary>
    private async Task WakeMembersAsync(OffsetsPartition partition)
    {
        try
        {
            await partition.Loaded;
        }
        catch (Exception exception)
        {
            LogCannotLoad(_logger, partition.Replica.Partition, exception);
            return;
        }

        foreach (GroupListing listing in partition.Listings.Where(each => each.State != nameof(GroupState.Empty)).ToList())
        {
            await TryAsync(listing.GroupId, static group => group.ExpireOffsetsAsync());
        }
    }

    /// <summary>One group after the other: nobody waits for it.</summary>
    private async Task ExpireOffsetsAsync()
    {
        if (Interlocked.Exchange(ref _isExpiring, 1) != 0)
        {
            return;
        }

        foreach (GroupListing listing in OwnPartitions().SelectMany(partition => partition.Listings).ToList())
        {
            await TryAsync(listing.GroupId, static group => group.ExpireOffsetsAsync());
        }

        Volatile.Write(ref _isExpiring, 0);
    }

    private void ForgetTopic(TopicImage topic) => _ = ForgetTopicAsync(topic);

    private async Task ForgetTopicAsync(TopicImage topic)
    {
        foreach (OffsetsPartition partition in OwnPartitions())
        {
            // What is still being read is told with the next expiry: the offsets have outlived their topic by then.
            if (!partition.Loaded.IsCompletedSuccessfully)
            {
                continue;
            }

            foreach (string groupId in partition.GroupsThatMayRead(topic.Name))
            {
                await TryAsync(groupId, group => group.ForgetTopicAsync(topic.Name, topic.Id));
            }
        }
    }

    private async Task TryAsync(string groupId, Func<IGroupGrain, Task> call)
    {
        try
        {
            await call(_grains.GetGrain<IGroupGrain>(GroupKey.Of(groupId, _settings.NodeId)));
        }
        catch (Exception exception)
        {
            // Nothing is lost: the next round asks again.
            LogCannotTidy(_logger, groupId, exception);
        }
    }

    [LoggerMessage(3302, LogLevel.Warning, "the offsets of group {GroupId} cannot be looked through for old ones")]
    private static partial void LogCannotTidy(ILogger logger, string groupId, Exception exception);
}
