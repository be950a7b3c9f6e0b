using System.Runtime.InteropServices;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Replication;

/// <summary>
/// One replica as the data path sees it: its log, its epochs, and the queue of its only writer.
/// </summary>
/// <remarks>
/// The writer is no thread of its own. Whoever puts work into an empty queue becomes the writer and empties it,
/// including what others add meanwhile; they go on and hear of the outcome. So an append costs no thread switch when
/// nobody else writes, and many appends become one gathered write when many do. Readers take no lock: they use the
/// offsets that the log publishes.
/// </remarks>
public sealed partial class Replica : IThreadPoolWorkItem
{
    /// <summary>
    /// So many appends go into one write: enough to amortise the call, few enough that the first of them does not
    /// wait long and that the pieces fit the operating system's limit of 1,024 buffers.
    /// </summary>
    private const int AppendsPerWriteMax = 256;

    /// <summary>After so many rounds the writer hands over to a pool thread, so that it gets back to its own clients.</summary>
    private const int RoundsMax = 16;

    private static readonly ReplicaWork Busy = new BusyMark();

    private readonly ParkedFetches _parked = new();
    private readonly List<LogAppend> _batch = [];
    private readonly List<ReplicaWork> _round = [];
    private readonly List<ParkedFetch> _woken = [];
    private ReplicaWork? _head;
    private Exception? _unexpected;
    private bool _isFailureTold;
    private volatile ReplicaRole _role;

    internal Replica(string topic, Guid topicId, int partition, PartitionLog log, ReplicaRole role)
    {
        Topic = topic;
        TopicId = topicId;
        Partition = partition;
        Log = log;
        _role = role;
        _flushed = new FlushedWork(this);
    }

    /// <summary>The topic's name.</summary>
    public string Topic { get; }

    /// <summary>The topic's id.</summary>
    public Guid TopicId { get; }

    /// <summary>The partition's number.</summary>
    public int Partition { get; }

    /// <summary>The log. Anybody may read; writing goes through <see cref="Enqueue"/>.</summary>
    public PartitionLog Log { get; }

    /// <summary>What this replica is in its partition now.</summary>
    public ReplicaRole Role => _role;

    /// <summary>
    /// Raised when a write failed: nothing is written any more until the log is opened again. With an exception when
    /// the failure is none of the disk.
    /// </summary>
    internal event Action<Replica, Exception?>? Failed;

    /// <summary>
    /// Puts work into the queue. True when the queue was empty: the caller is the writer now and must call
    /// <see cref="Drain"/>, soon and exactly once.
    /// </summary>
    public bool Enqueue(ReplicaWork work)
    {
        ReplicaWork? head;
        do
        {
            head = Volatile.Read(ref _head);
            work.Next = ReferenceEquals(head, Busy) ? null : head;
        }
        while (Interlocked.CompareExchange(ref _head, work, head) != head);

        return head is null;
    }

    /// <summary>Does the queued work. Only for the caller whose <see cref="Enqueue"/> answered true.</summary>
    public void Drain() => DrainRounds(RoundsMax);

    private void DrainRounds(int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            TakeRound();
            RunRound();
            if (Interlocked.CompareExchange(ref _head, null, Busy) == Busy)
            {
                return;
            }
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Runs an action as the log's writer.</summary>
    internal Task<T> RunAsWriterAsync<T>(Func<PartitionLog, T> action)
    {
        var command = new ReplicaCommand<T>(action);
        if (Enqueue(command))
        {
            Drain();
        }

        return command.Task;
    }

    /// <summary>Parks a fetch until the readable end moves. The caller looks once more after parking.</summary>
    public void Park(ParkingPlace place) => _parked.Park(place);

    /// <summary>Takes a fetch off the list.</summary>
    public void Leave(ParkingPlace place) => _parked.Leave(place);

    /// <summary>Moves the log start to an offset, -1 for the high watermark.</summary>
    internal Task<ErrorCode> DeleteRecordsAsync(long offset) => RunAsWriterAsync(log =>
        log.Config is { Compact: true, Delete: false }
            ? ErrorCode.PolicyViolation
            : log.DeleteRecordsTo(offset == -1 ? log.Offsets.HighWatermark : offset));

    /// <summary>Somebody else than the writer saw that the log has failed: it must be opened again.</summary>
    internal void ReportFailedLog() => Failed?.Invoke(this, null);

    /// <summary>Sets what this replica is from now on, and lets parked fetches look again.</summary>
    internal Task ChangeRoleAsync(ReplicaRole role, Action<PartitionLog> prepare) => RunAsWriterAsync(log =>
    {
        prepare(log);
        _role = role;
        return true;
    });

    /// <summary>Ends the replica: from now on it leads nothing; what is queued behind is refused.</summary>
    internal Task RetireAsync(Action<PartitionLog> close) => RunAsWriterAsync(log =>
    {
        _role = _role with { IsLeader = false };
        close(log);
        return true;
    });

    void IThreadPoolWorkItem.Execute() => Drain();

    private void TakeRound()
    {
        ReplicaWork? newest = Interlocked.Exchange(ref _head, Busy);
        for (ReplicaWork? work = newest; work is not null && !ReferenceEquals(work, Busy); work = work.Next)
        {
            _round.Add(work);
        }

        _round.Reverse();
    }

    private void RunRound()
    {
        long readableBefore = Log.Offsets.HighWatermark;
        int done = 0;
        while (done < _round.Count)
        {
            int end = done;
            while (end < _round.Count && end - done < AppendsPerWriteMax && _round[end] is ReplicaAppend append)
            {
                _batch.Add(append.Append);
                end++;
            }

            if (end > done)
            {
                Write(_round, done, end);
            }
            else
            {
                ((ReplicaCommand)_round[end++]).Run(Log);
            }

            done = end;
        }

        _round.Clear();
        FlushIfAsked();
        Settle();
        TellFailure();
        if (Log.Offsets.HighWatermark != readableBefore || !_role.IsLeader || Log.IsFailed)
        {
            _parked.Wake(_woken);
        }
    }

    private void Write(List<ReplicaWork> round, int start, int end)
    {
        ReplicaRole role = _role;
        if (role.IsLeader)
        {
            foreach (LogAppend append in _batch)
            {
                append.LeaderEpoch = role.LeaderEpoch;
            }

            AppendBatch(role);
        }
        else
        {
            foreach (LogAppend append in _batch)
            {
                append.Refuse(ErrorCode.NotLeaderOrFollower);
            }
        }

        _batch.Clear();
        for (int i = start; i < end; i++)
        {
            var append = (ReplicaAppend)round[i];
            if (MustWait(append))
            {
                _unflushed.Enqueue(append);
            }
            else
            {
                append.OnAppended();
            }
        }
    }

    private void AppendBatch(ReplicaRole role)
    {
        try
        {
            Log.Append(CollectionsMarshal.AsSpan(_batch));

            // With no other replica in sync, what is written here is replicated everywhere it must be.
            if (role.IsOnlyReplica)
            {
                Log.AdvanceHighWatermark(Log.Offsets.LogEnd);
            }
        }
        catch (Exception exception)
        {
            // The log answers with errors; an exception is a state that cannot be. Whoever waits must hear of it, and
            // the replica's grain opens the log anew.
            _unexpected = exception;
            foreach (LogAppend append in _batch)
            {
                append.Refuse(ErrorCode.KafkaStorageError);
            }
        }
    }

    private sealed class BusyMark : ReplicaWork;
}

/// <summary>What a replica is in its partition.</summary>
/// <param name="IsLeader">True when this replica takes writes.</param>
/// <param name="LeaderEpoch">The epoch of the partition's leader.</param>
/// <param name="PartitionEpoch">The partition epoch this role comes from.</param>
/// <param name="IsOnlyReplica">True when no other replica must have a record before it counts as replicated.</param>
public sealed record ReplicaRole(bool IsLeader, int LeaderEpoch, int PartitionEpoch, bool IsOnlyReplica);

/// <summary>Work for a replica's writer. An object is in one queue at a time.</summary>
public abstract class ReplicaWork
{
    internal ReplicaWork? Next;
}

/// <summary>Batches to append, from one client and one partition of a request.</summary>
public abstract class ReplicaAppend : ReplicaWork
{
    /// <summary>The bytes to append and, once done, the outcome.</summary>
    public LogAppend Append { get; } = new();

    /// <summary>
    /// With <c>log.flush.before.ack</c> the outcome is told when the records are on disk; false where nobody is told.
    /// </summary>
    public bool WaitsForDisk { get; init; } = true;

    /// <summary>
    /// Called by a writer when <see cref="Append"/> holds its outcome. Must not block or throw; the object may be
    /// used again from then on.
    /// </summary>
    protected internal abstract void OnAppended();
}

internal abstract class ReplicaCommand : ReplicaWork
{
    public abstract void Run(PartitionLog log);
}

internal sealed class ReplicaCommand<T>(Func<PartitionLog, T> action) : ReplicaCommand
{
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Task => _done.Task;

    public override void Run(PartitionLog log)
    {
        try
        {
            _done.SetResult(action(log));
        }
        catch (Exception exception)
        {
            _done.SetException(exception);
        }
    }
}
