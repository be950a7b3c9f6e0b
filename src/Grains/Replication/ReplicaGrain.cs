using Orleans.GrainDirectory;
using Orleans.Kafka.Grains.Placement;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// Owns one replica: opens it, registers it for the data path, and closes it. The records themselves never pass
/// through here. After an activation nothing is open until <see cref="OpenAsync"/> says what to open.
/// </summary>
[BrokerPlacement, GrainDirectory(BrokerGrainDirectory.Name), KeepAlive]
internal sealed class ReplicaGrain(ReplicaHost host) : Grain, IReplicaGrain
{
    private ReplicaAssignment? _assignment;
    private Replica? _replica;

    public async Task<short> OpenAsync(ReplicaAssignment assignment)
    {
        if (_assignment is { } known && assignment.Partition.PartitionEpoch < known.Partition.PartitionEpoch)
        {
            return (short)ErrorCode.None;
        }

        _assignment = assignment;
        if (_replica is null)
        {
            ErrorCode error;
            (_replica, error) = host.Open(assignment, OnFailed);
            return (short)error;
        }

        await host.ChangeAsync(_replica, assignment);
        return (short)ErrorCode.None;
    }

    public async Task<short> ReopenAsync()
    {
        if (_assignment is not { } assignment)
        {
            return (short)ErrorCode.NotLeaderOrFollower;
        }

        await CloseAsync();
        return await OpenAsync(assignment);
    }

    public async Task CloseAsync()
    {
        if (Interlocked.Exchange(ref _replica, null) is { } replica)
        {
            await host.CloseAsync(replica);
        }
    }

    public async Task DeleteAsync()
    {
        if (Interlocked.Exchange(ref _replica, null) is { } replica)
        {
            await host.DeleteAsync(replica);
        }

        _assignment = null;
        DeactivateOnIdle();
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        CloseAsync();

    /// <summary>Called by the replica's writer, outside of the grain: only a call brings it back in.</summary>
    private void OnFailed(Replica replica) =>
        _ = this.AsReference<IReplicaGrain>().ReopenAsync();
}
