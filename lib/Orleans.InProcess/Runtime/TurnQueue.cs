using System.Collections.Concurrent;

namespace Orleans.InProcess;

/// <summary>
/// What one activation has to do, in order of arrival: calls, continuations of its awaits, actions. As a task
/// scheduler it is what an await in the grain comes back to. At most one thread drains it at a time.
/// </summary>
internal sealed class TurnQueue(Activation owner, TurnDispatcher dispatcher) : TaskScheduler, IThreadPoolWorkItem
{
    // Long enough to pay for the scheduling, short enough that a busy grain does not starve its neighbours.
    private const int TurnsPerSlice = 128;

    private static readonly Action<object?> DrainSlice = static queue => ((TurnQueue)queue!).Drain();

    private readonly ConcurrentQueue<object> _items = new();
    private int _scheduled;

    public override int MaximumConcurrencyLevel => 1;

    public void Enqueue(object item)
    {
        _items.Enqueue(item);
        if (Interlocked.CompareExchange(ref _scheduled, 1, 0) == 0)
        {
            dispatcher.Schedule(this, behindOthers: false);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        // One task around the whole slice makes this the current scheduler for every turn in it.
        new Task(DrainSlice, this, CancellationToken.None, TaskCreationOptions.None).RunSynchronously(this);

        Interlocked.Exchange(ref _scheduled, 0);
        if (!_items.IsEmpty && Interlocked.CompareExchange(ref _scheduled, 1, 0) == 0)
        {
            dispatcher.Schedule(this, behindOthers: true);
        }
    }

    protected override void QueueTask(Task task) => Enqueue(task);

    // A continuation may run within the turn that completes what it waited for, as long as it is the same grain's.
    // A task that already stands in the queue keeps its place.
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued)
    {
        if (taskWasPreviouslyQueued)
        {
            return false;
        }

        return (ReferenceEquals(task.AsyncState, this) || ReferenceEquals(RuntimeContext.Current, owner))
            && TryExecuteTask(task);
    }

    protected override IEnumerable<Task> GetScheduledTasks() => _items.OfType<Task>();

    private void Drain()
    {
        var context = ExecutionContext.Capture();
        var previous = RuntimeContext.Current;
        RuntimeContext.Current = owner;
        try
        {
            for (var turn = 0; turn < TurnsPerSlice && !owner.IsKilled && _items.TryDequeue(out var item); turn++)
            {
                Run(item);
                owner.AfterTurn();
                if (context is not null)
                {
                    // What a turn left in its async locals must not reach the next.
                    ExecutionContext.Restore(context);
                }
            }
        }
        finally
        {
            RuntimeContext.Current = previous;
            if (owner.IsKilled)
            {
                _items.Clear();
            }
        }
    }

    private void Run(object item)
    {
        switch (item)
        {
            case GrainCall call:
                owner.Accept(call);
                break;
            case Task task:
                TryExecuteTask(task);
                break;
            case Action action:
                action();
                break;
        }
    }
}
