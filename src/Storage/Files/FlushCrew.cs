namespace Orleans.Kafka.Storage;

/// <summary>
/// A few threads that flush files at the same time. They come into being when first needed and sleep while nothing is
/// to be flushed. One call runs at a time; it works along itself.
/// </summary>
internal sealed class FlushCrew
{
    // More threads gain nothing: what they ask for at the same time is one flush for the disk.
    private const int ThreadsMax = 7;

    private readonly Lock _one = new();
    private readonly object _bell = new();
    private Job? _job;
    private int _threads;

    public static FlushCrew Shared { get; } = new();

    public void Flush(IReadOnlyList<IFile> files, IOException?[] failures)
    {
        if (files.Count == 1)
        {
            failures[0] = FlushOne(files[0]);
            return;
        }

        lock (_one)
        {
            var job = new Job(files, failures);
            Call(job, Math.Min(ThreadsMax, files.Count - 1));
            job.Work();
            job.WaitForOthers();
        }
    }

    /// <summary>Gives the failure instead of throwing it; null if all is well.</summary>
    public static IOException? FlushOne(IFile file)
    {
        try
        {
            file.Flush();
            return null;
        }
        catch (Exception e)
        {
            return e as IOException ?? new IOException(e.Message, e);
        }
    }

    private void Call(Job job, int threads)
    {
        for (; _threads < threads; _threads++)
        {
            new Thread(WorkForEver) { IsBackground = true, Name = $"flush {_threads + 1}" }.Start();
        }

        lock (_bell)
        {
            _job = job;
            for (var i = 0; i < threads; i++)
            {
                Monitor.Pulse(_bell);
            }
        }
    }

    private void WorkForEver()
    {
        while (true)
        {
            Job job;
            lock (_bell)
            {
                while (_job is not { HasWork: true })
                {
                    Monitor.Wait(_bell);
                }

                job = _job;
            }

            job.Work();
        }
    }

    private sealed class Job(IReadOnlyList<IFile> files, IOException?[] failures)
    {
        private readonly int _count = files.Count;
        private int _next = -1;
        private int _done;

        public bool HasWork => Volatile.Read(ref _next) < _count - 1;

        public void Work()
        {
            // Not the list's own count: who comes late may find a list that is used anew.
            for (var i = Interlocked.Increment(ref _next); i < _count; i = Interlocked.Increment(ref _next))
            {
                failures[i] = FlushOne(files[i]);
                if (Interlocked.Increment(ref _done) == _count)
                {
                    lock (this)
                    {
                        Monitor.PulseAll(this);
                    }
                }
            }
        }

        public void WaitForOthers()
        {
            lock (this)
            {
                while (Volatile.Read(ref _done) < _count)
                {
                    Monitor.Wait(this);
                }
            }
        }
    }
}
