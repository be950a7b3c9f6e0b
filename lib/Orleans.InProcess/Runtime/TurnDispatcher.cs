namespace Orleans.InProcess;

/// <summary>
/// Decides when and where the turns of activations run. A simulation replaces it with a queue that it drains on one
/// thread in an order drawn from a seed.
/// </summary>
public abstract class TurnDispatcher
{
    /// <summary>Runs turns on the thread pool.</summary>
    public static TurnDispatcher ThreadPool { get; } = new ThreadPoolDispatcher();

    /// <summary>
    /// Arranges that <see cref="IThreadPoolWorkItem.Execute"/> is called once. An activation that has more to do
    /// than fits one slice comes again, <paramref name="behindOthers"/> being true.
    /// </summary>
    public abstract void Schedule(IThreadPoolWorkItem turns, bool behindOthers);

    private sealed class ThreadPoolDispatcher : TurnDispatcher
    {
        // The local queue is last in, first out: best for a call that somebody waits for, unfair for one who returns.
        public override void Schedule(IThreadPoolWorkItem turns, bool behindOthers) =>
            System.Threading.ThreadPool.UnsafeQueueUserWorkItem(turns, preferLocal: !behindOthers);
    }
}
