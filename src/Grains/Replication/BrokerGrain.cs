using Microsoft.Extensions.Logging;
using Orleans.GrainDirectory;
using Orleans.Kafka.Grains.Cluster;
using Orleans.Kafka.Grains.Metadata;
using Orleans.Kafka.Grains.Placement;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// Keeps the replicas of one broker as the cluster wants them. Its turns are serial, so that changes are taken in one
/// after the other; a late change of a topic is recognised by its version.
/// </summary>
[BrokerPlacement, GrainDirectory(BrokerGrainDirectory.Name), KeepAlive]
internal sealed partial class BrokerGrain(
    MetadataCache cache,
    CurrentSettings settings,
    ReplicaHost host,
    LocalReplicas replicas,
    ILogger<BrokerGrain> logger) : Grain, IBrokerGrain
{
    /// <summary>
    /// So many replicas are opened at once: enough to keep the disk busy, few enough to bound memory during recovery.
    /// </summary>
    private const int OpenConcurrency = 64;

    /// <summary>How often a broker asks whether it missed a change; costs one grain call.</summary>
    private static readonly TimeSpan CatchUpPeriod = TimeSpan.FromSeconds(10);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(CatchUpAsync, new GrainTimerCreationOptions(CatchUpPeriod, CatchUpPeriod));
        return Task.CompletedTask;
    }

    public async Task StartAsync(ClusterSnapshot snapshot)
    {
        await OpenAsync(snapshot.Topics.SelectMany(topic => Here(topic, known: null)));
        cache.Reset(snapshot);
    }

    public async Task ApplyAsync(MetadataChange change)
    {
        if (!host.IsOpen)
        {
            // This broker starts, and asks for what it missed when it has, or it stops.
            return;
        }

        MetadataImage known = cache.Current;
        if (change.Topic is { } topic)
        {
            known.Topics.TryGetValue(topic.Name, out TopicImage? before);
            if (before is null || before.Version < topic.Version)
            {
                if (before is not null && before.Id != topic.Id)
                {
                    await DeleteAsync(before);
                    before = null;
                }

                await OpenAsync(Here(topic, before));
            }
        }

        cache.Apply(change);
        if (change.ClusterConfigs is not null)
        {
            host.ApplySettings(cache.Current);
        }

        if (change.DeletedTopic is { } id && known.TopicsById.TryGetValue(id, out TopicImage? deleted))
        {
            await DeleteAsync(deleted);
        }

        if (cache.CompleteVersion < change.Version)
        {
            await CatchUpAsync(CancellationToken.None);
        }
    }

    public Task StopAsync() => ForEachAsync(
        cache.Current.Topics.Values.SelectMany(topic => Here(topic, known: null)),
        assignment => Replica(assignment).CloseAsync());

    public Task<PartitionOutlook[]> LookAheadAsync(PartitionPosition[] positions) =>
        Task.FromResult(Array.ConvertAll(positions, position => ReplicaOutlook.Of(replicas, position)));

    private async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        if (!host.IsOpen || await AskForNewsAsync() is not { } snapshot)
        {
            return;
        }

        LogCatchUp(logger, cache.CompleteVersion, snapshot.Version);
        MetadataImage known = cache.Current;
        await OpenAsync(snapshot.Topics.SelectMany(topic => Here(topic, known.TopicsById.GetValueOrDefault(topic.Id))));
        cache.Reset(snapshot);
        HashSet<Guid> live = [.. snapshot.Topics.Select(topic => topic.Id)];
        foreach (TopicImage topic in known.Topics.Values.Where(topic => !live.Contains(topic.Id)))
        {
            await DeleteAsync(topic);
        }
    }

    /// <summary>The cluster's state, or null when nothing is new or nobody answers; then the next time will do.</summary>
    private async Task<ClusterSnapshot?> AskForNewsAsync()
    {
        try
        {
            return await GrainFactory.GetGrain<IClusterGrain>("cluster").GetSnapshotAsync(cache.CompleteVersion);
        }
        catch (Exception exception)
        {
            LogCannotCatchUp(logger, GrainFailure.InOneLine(exception), GrainFailure.ToLog(exception));
            return null;
        }
    }

    /// <summary>The replicas that the topic has here and that are not the same in <paramref name="known"/>.</summary>
    private IEnumerable<ReplicaAssignment> Here(TopicImage topic, TopicImage? known)
    {
        bool sameConfigs = known is not null && ReferenceEquals(known.Configs, topic.Configs);
        foreach (PartitionImage partition in topic.Partitions)
        {
            bool same = sameConfigs && partition.Partition < known!.Partitions.Length &&
                known.Partitions[partition.Partition].PartitionEpoch == partition.PartitionEpoch;
            if (!same && Array.IndexOf(partition.Replicas, settings.NodeId) >= 0)
            {
                yield return new ReplicaAssignment
                {
                    Topic = topic.Name,
                    TopicId = topic.Id,
                    Partition = partition,
                    Configs = topic.Configs,
                };
            }
        }
    }

    private Task OpenAsync(IEnumerable<ReplicaAssignment> assignments) =>
        ForEachAsync(assignments, assignment => Replica(assignment).OpenAsync(assignment));

    private Task DeleteAsync(TopicImage topic) =>
        ForEachAsync(Here(topic, known: null), assignment => Replica(assignment).DeleteAsync());

    private static async Task ForEachAsync(IEnumerable<ReplicaAssignment> assignments, Func<ReplicaAssignment, Task> action)
    {
        foreach (ReplicaAssignment[] chunk in assignments.Chunk(OpenConcurrency))
        {
            await Task.WhenAll(chunk.Select(action));
        }
    }

    private IReplicaGrain Replica(ReplicaAssignment assignment) => GrainFactory.GetGrain<IReplicaGrain>(
        ReplicaKey.Of(assignment.TopicId, assignment.Partition.Partition, settings.NodeId));

    [LoggerMessage(3101, LogLevel.Information, "catching up from cluster version {Known} to {Version}")]
    private static partial void LogCatchUp(ILogger logger, long known, long version);

    [LoggerMessage(3102, LogLevel.Warning, "the cluster's grain does not answer, asking again in some seconds: {Reason}")]
    private static partial void LogCannotCatchUp(ILogger logger, string reason, Exception? exception);
}
