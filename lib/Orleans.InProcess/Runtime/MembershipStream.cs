using System.Runtime.CompilerServices;
using Orleans.Runtime;

namespace Orleans.InProcess;

/// <summary>Hands the newest membership to any number of readers, each at its own pace.</summary>
internal sealed class MembershipStream(ClusterMembershipSnapshot first)
{
    private volatile Entry _newest = new(first);

    public ClusterMembershipSnapshot Newest => _newest.Snapshot;

    /// <summary>Only one thread at a time may publish.</summary>
    public void Publish(ClusterMembershipSnapshot snapshot)
    {
        var previous = _newest;
        _newest = new Entry(snapshot);
        previous.Outdated.TrySetResult();
    }

    public async IAsyncEnumerable<ClusterMembershipSnapshot> ReadAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var entry = _newest;
            yield return entry.Snapshot;
            await entry.Outdated.Task.WaitAsync(cancellationToken);
        }
    }

    private sealed class Entry(ClusterMembershipSnapshot snapshot)
    {
        public ClusterMembershipSnapshot Snapshot { get; } = snapshot;

        public TaskCompletionSource Outdated { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
