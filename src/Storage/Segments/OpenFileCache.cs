namespace Orleans.Kafka.Storage;

/// <summary>
/// Keeps the number of open handles near a limit: 10,000 partitions have 30,000 files and a process may not open
/// that many. Files open when used; when there are too many, those unused longest are closed. What is in use is never
/// closed, so the limit can be passed for a while: see <see cref="IsCrowded"/>. Thread-safe.
/// </summary>
/// <param name="limit">Handles to keep open; at least one.</param>
public sealed class OpenFileCache(int limit)
{
    // A bound on the steps keeps an append from paying for a cache full of files in use.
    private const int StepsOfAnOpening = 64;

    // Never held while a file's own lock is taken: files come here with theirs held.
    private readonly Lock _gate = new();

    // The open files in a ring; the hand points at the one to be looked at next.
    private SegmentFile? _hand;
    private int _count;
    private long _opened;
    private long _evicted;

    /// <summary>Handles to keep open.</summary>
    public int Limit { get; } = Math.Max(1, limit);

    /// <summary>Handles open now.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Openings since the start: each of them one that a larger limit might have saved, or a first one.</summary>
    public long Opened => Interlocked.Read(ref _opened);

    /// <summary>Handles taken from idle files since the start, because of the limit.</summary>
    public long Evicted => Interlocked.Read(ref _evicted);

    /// <summary>
    /// More files are in use at this moment than there should be: who can do with fewer should take no more. The room
    /// between the limit and this bound is what <see cref="HandleBudget"/> counts in.
    /// </summary>
    public bool IsCrowded => Count > HandleBudget.MostOf(Limit);

    internal void Add(SegmentFile file)
    {
        lock (_gate)
        {
            if (_hand is { } hand)
            {
                (file.Next, file.Previous) = (hand, hand.Previous);
                hand.Previous!.Next = file;
                hand.Previous = file;
            }
            else
            {
                _hand = file.Next = file.Previous = file;
            }

            _opened++;
            _count++;
        }

        if (Count > Limit)
        {
            CloseIdle(Limit, IsCrowded ? 2 * Count : StepsOfAnOpening);
        }
    }

    internal void Remove(SegmentFile file)
    {
        lock (_gate)
        {
            _hand = file.Next == file ? null : _hand == file ? file.Next : _hand;
            file.Previous!.Next = file.Next;
            file.Next!.Previous = file.Previous;
            file.Next = file.Previous = null;
            _count--;
        }
    }

    /// <summary>The process has no handle left, for whatever reason: gives back half of those that nobody uses.</summary>
    internal void MakeRoom() => CloseIdle(Count / 2, 2 * Count);

    private void CloseIdle(int goal, int steps)
    {
        // Each file gets a second chance if it was used since it was last looked at.
        for (; steps > 0 && Count > goal; steps--)
        {
            if (Next() is not { } file)
            {
                return;
            }

            if (file.CloseIfIdle())
            {
                Interlocked.Increment(ref _evicted);
            }
        }
    }

    private SegmentFile? Next()
    {
        lock (_gate)
        {
            var file = _hand;
            _hand = file?.Next;
            return file;
        }
    }
}
