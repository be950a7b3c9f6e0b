using System.Collections.Concurrent;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Keeps the number of open handles near a limit: 10,000 partitions have 30,000 files and a process may not open
/// that many. Files open when used; when there are too many, those unused longest are closed. Thread-safe.
/// </summary>
public sealed class OpenFileCache(int limit)
{
    private readonly ConcurrentQueue<SegmentFile> _opened = new();
    private int _count;

    /// <summary>Handles open now.</summary>
    public int Count => Volatile.Read(ref _count);

    internal void Opened(SegmentFile file)
    {
        if (!file.IsQueued)
        {
            file.IsQueued = true;
            _opened.Enqueue(file);
        }

        if (Interlocked.Increment(ref _count) > limit)
        {
            Trim();
        }
    }

    internal void Closed() => Interlocked.Decrement(ref _count);

    private void Trim()
    {
        // Each file gets a second chance if it was used since it was last looked at. A bound on the steps keeps
        // an append from paying for a cache full of pinned files.
        for (var steps = 0; steps < 64 && Volatile.Read(ref _count) > limit; steps++)
        {
            if (!_opened.TryDequeue(out var file))
            {
                return;
            }

            if (!file.CloseIfIdle())
            {
                _opened.Enqueue(file);
            }
        }
    }
}
