using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <content>Acknowledgements that wait for the disk (<c>log.flush.before.ack</c>).</content>
public sealed partial class Replica
{
    /// <summary>What was appended and is not acknowledged yet, in the order of the log. Bounded by what clients may have
    /// in flight.</summary>
    private readonly Queue<ReplicaAppend> _unflushed = new();

    private readonly ReplicaWork _flushed;
    private bool _isFlushing;

    /// <summary>This replica's part in the flush that is under way.</summary>
    internal LogFlush Flush { get; } = new();

    /// <summary>Who flushes; null where every write is flushed by itself.</summary>
    internal AckFlusher? Flusher { get; init; }

    /// <summary>
    /// <see cref="Drain"/> for several replicas of one broker: where acknowledgements wait for the disk, they share a flush.
    /// </summary>
    public static void DrainAll(List<Replica> replicas)
    {
        if (replicas.Count > 1 && replicas[0].Flusher is { } flusher)
        {
            flusher.Gather(replicas, static all => all.ForEach(static replica => replica.Drain()));
        }
        else
        {
            replicas.ForEach(static replica => replica.Drain());
        }
    }

    /// <summary>The shared flush is over; any thread.</summary>
    internal void OnFlushed()
    {
        if (Enqueue(_flushed))
        {
            // Who flushes is needed for the next flush: what else there is to write is done by the pool.
            DrainRounds(1);
        }
    }

    /// <summary>Has what is not on disk flushed, if acknowledgements and readers wait for that.</summary>
    private void FlushIfAsked()
    {
        if (_isFlushing || !Log.Config.FlushBeforeAck || Log.Offsets.LogEnd <= Log.RecoveryPoint || Log.IsFailed
            || Log.IsClosed)
        {
            return;
        }

        _isFlushing = true;
        if (Flusher is not null)
        {
            Flusher.Add(this);
            return;
        }

        Log.Flush();
        EndFlush();
    }

    private void EndFlush()
    {
        _isFlushing = false;
        Log.EndFlush(Flush);
        if (_role is { IsLeader: true, IsOnlyReplica: true })
        {
            Log.AdvanceHighWatermark(Log.Offsets.LogEnd);
        }
    }

    /// <summary>True if the outcome of an append must wait for the disk; a duplicate's first one may be there already.</summary>
    private bool MustWait(ReplicaAppend append) =>
        append.WaitsForDisk && Log.Config.FlushBeforeAck && append.Append.Error == ErrorCode.None
        && append.Append.LastOffset >= Log.RecoveryPoint;

    /// <summary>Tells those whose records are on disk by now, and those whose records never will be.</summary>
    private void Settle()
    {
        while (_unflushed.TryPeek(out ReplicaAppend? first))
        {
            if (first.Append.LastOffset >= Log.RecoveryPoint && Log.Config.FlushBeforeAck)
            {
                if (Log.IsFailed)
                {
                    first.Append.Refuse(ErrorCode.KafkaStorageError);
                }
                else if (!_role.IsLeader || Log.IsClosed)
                {
                    first.Append.Refuse(ErrorCode.NotLeaderOrFollower);
                }
                else
                {
                    return;
                }
            }

            _unflushed.Dequeue();
            first.OnAppended();
        }
    }

    private void TellFailure()
    {
        if (_unexpected is not null || (Log.IsFailed && !_isFailureTold))
        {
            _isFailureTold = true;
            Failed?.Invoke(this, _unexpected);
            _unexpected = null;
        }
    }

    private sealed class FlushedWork(Replica replica) : ReplicaCommand
    {
        public override void Run(PartitionLog log) => replica.EndFlush();
    }
}
