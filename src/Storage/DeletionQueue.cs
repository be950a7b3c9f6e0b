using System.Collections.Concurrent;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Files that no log uses any more, to be removed in the background: unlinking a gigabyte takes time that no append
/// should wait for. Thread-safe.
/// </summary>
public sealed class DeletionQueue
{
    private const int TriesMax = 10;
    private const long RetryAfterMs = 60_000;

    private readonly ConcurrentQueue<Entry> _entries = new();

    /// <summary>Paths that wait.</summary>
    public int Count => _entries.Count;

    /// <summary>Removes what is due; the host calls it every now and then, on a thread that may block.</summary>
    /// <param name="environment">The disk and the clock.</param>
    /// <param name="all">Remove everything, due or not.</param>
    /// <returns>How many paths were removed.</returns>
    public int Run(LogEnvironment environment, bool all = false)
    {
        var removed = 0;
        for (var left = _entries.Count; left > 0 && _entries.TryDequeue(out var entry); left--)
        {
            if (!all && entry.DueMs > environment.NowMs)
            {
                _entries.Enqueue(entry);
                continue;
            }

            try
            {
                if (entry.IsDirectory)
                {
                    environment.Files.DeleteDirectory(entry.Path);
                }
                else
                {
                    environment.Files.DeleteFile(entry.Path);
                }

                removed++;
            }
            catch (IOException e)
            {
                TryAgainLater(environment, entry, e);
            }
        }

        return removed;
    }

    // Somebody outside may hold a file, which Windows does not let go. What stays to the end goes at the next opening.
    private void TryAgainLater(LogEnvironment environment, Entry entry, IOException e)
    {
        if (entry.Tries == 0)
        {
            environment.Notice(StorageNoticeKind.Failed, entry.Path, $"cannot be removed yet: {e.Message}");
        }

        if (entry.Tries < TriesMax)
        {
            _entries.Enqueue(entry with { Tries = entry.Tries + 1, DueMs = environment.NowMs + RetryAfterMs });
        }
    }

    internal void Add(string path, bool isDirectory, long dueMs) => _entries.Enqueue(new Entry(path, isDirectory, dueMs));

    private readonly record struct Entry(string Path, bool IsDirectory, long DueMs, int Tries = 0);
}
