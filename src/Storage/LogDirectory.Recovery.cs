using System.Runtime.ExceptionServices;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.Storage;

/// <summary>A partition whose log is to be opened.</summary>
/// <param name="Topic">Topic name.</param>
/// <param name="Partition">Partition number.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Config">The settings the log obeys.</param>
public readonly record struct LogToOpen(string Topic, int Partition, KafkaUuid TopicId, LogConfig Config);

/// <content>Opening many logs at once, on few threads.</content>
public sealed partial class LogDirectory
{
    private volatile RecoveryProgress? _recovery;

    /// <summary>How far <see cref="OpenAll"/> has come; null while it does not run.</summary>
    public RecoveryProgress? Recovery => _recovery;

    /// <summary>
    /// Opens those of the logs that lie here, on so many threads (<c>num.recovery.threads.per.data.dir</c>), the calling one
    /// among them: logs with much to recover first, so that no thread is left alone with a large one at the end.
    /// Blocks until all are open. One that cannot be opened is left for <see cref="OpenPartition"/> to say why.
    /// </summary>
    /// <param name="wanted">The logs; those without a directory are passed over.</param>
    /// <param name="threads">Threads; one at least.</param>
    /// <param name="stop">Ends it early; a log whose recovery has begun is still recovered.</param>
    /// <returns>What had to be done.</returns>
    public RecoveryProgress OpenAll(IEnumerable<LogToOpen> wanted, int threads, CancellationToken stop = default)
    {
        List<PendingRecovery> pending =
        [
            .. wanted.Where(log => _environment.Files.DirectoryExists(DirectoryOf(log.Topic, log.Partition)))
                .Select(Survey).OrderByDescending(each => each.Bytes),
        ];
        lock (_gate)
        {
            _wanted.UnionWith(pending.Select(each => (each.Log.Topic, each.Log.Partition)));
        }

        threads = Math.Clamp(threads, 1, Math.Max(1, pending.Count));
        var progress = new RecoveryProgress(pending.Count, pending.Sum(each => each.Bytes), threads);
        _recovery = progress;
        try
        {
            Share(pending, threads, progress, stop);
        }
        finally
        {
            _recovery = null;
        }

        return progress;
    }

    private void Share(List<PendingRecovery> pending, int threads, RecoveryProgress progress, CancellationToken stop)
    {
        var next = -1;
        var broken = new ExceptionDispatchInfo?[threads];
        void Work(int thread)
        {
            try
            {
                int mine;
                while (!stop.IsCancellationRequested && (mine = Interlocked.Increment(ref next)) < pending.Count)
                {
                    Recover(pending[mine], progress, thread);
                }
            }
            catch (Exception e)
            {
                broken[thread] = ExceptionDispatchInfo.Capture(e);
            }
        }

        var others = new Thread[threads - 1];
        for (var i = 0; i < others.Length; i++)
        {
            var thread = i + 1;
            others[i] = new Thread(() => Work(thread)) { IsBackground = true, Name = $"recovery {thread}" };
            others[i].Start();
        }

        Work(0);
        foreach (var other in others)
        {
            other.Join();
        }

        Array.ForEach(broken, each => each?.Throw());
        stop.ThrowIfCancellationRequested();
    }

    private PartitionLog OpenOnce(
        string topic, int partition, KafkaUuid topicId, LogConfig config, RecoveryProgress.OfLog? progress)
    {
        var key = (topic, partition);
        lock (_opening)
        {
            // Whoever comes second gets what the first one opens.
            while (!_opening.Add(key))
            {
                Monitor.Wait(_opening);
            }
        }

        try
        {
            return OpenAlone(key, topicId, config, progress);
        }
        finally
        {
            lock (_opening)
            {
                _opening.Remove(key);
                Monitor.PulseAll(_opening);
            }
        }
    }

    private void Recover(PendingRecovery pending, RecoveryProgress progress, int thread)
    {
        var part = progress.Begin(thread, pending.Segments, pending.Bytes);
        try
        {
            OpenOnce(pending.Log.Topic, pending.Log.Partition, pending.Log.TopicId, pending.Log.Config, part);
        }
        catch (Exception e) when (e is IOException or LogFormatException)
        {
            // Whoever needs this one opens it and gets the reason; the others must not wait for that.
        }
        finally
        {
            part.End();
        }
    }

    /// <summary>What the recovery of a log looks through: the segments that do not lie below the recovery point.</summary>
    private PendingRecovery Survey(LogToOpen log)
    {
        long point;
        lock (_gate)
        {
            point = WasClean ? long.MaxValue : _recoveryPoints.GetValueOrDefault((log.Topic, log.Partition));
        }

        try
        {
            List<(long BaseOffset, long Length)> segments = [];
            foreach (var entry in _environment.Files.List(DirectoryOf(log.Topic, log.Partition)))
            {
                if (LogFileName.TryParse(entry.Name, out var offset, out var suffix) && suffix == LogFileName.Log)
                {
                    segments.Add((offset, entry.Length));
                }
            }

            segments.Sort();
            var first = Math.Max(0, segments.FindLastIndex(s => s.BaseOffset <= point));
            return new PendingRecovery(log, segments.Count - first, segments.Skip(first).Sum(s => s.Length));
        }
        catch (IOException)
        {
            return new PendingRecovery(log, 0, 0);
        }
    }

    private string DirectoryOf(string topic, int partition) => InDirectory($"{topic}-{partition}");

    private readonly record struct PendingRecovery(LogToOpen Log, int Segments, long Bytes);
}
