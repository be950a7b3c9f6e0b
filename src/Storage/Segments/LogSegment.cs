using System.Runtime.CompilerServices;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// A piece of a log: one <c>.log</c> file with batches back to back from its base offset on, and its indexes.
/// Written by one thread; read by many without a lock.
/// </summary>
internal sealed class LogSegment
{
    private const int RecentSize = 8;
    private const int FarApart = 2 * BatchHeaderScanner.WindowLength;

    private readonly LogEnvironment _environment;
    private readonly string _directory;

    // Offsets and positions where appends ended lately, packed into one word each so that readers need no lock.
    // Who reads at the tail asks for exactly these.
    private long[]? _recent;
    private int _recentNext;
    private volatile int _size;
    private int _bytesSinceIndexEntry;
    private long _maxTimestamp = -1;
    private long _offsetOfMaxTimestamp = -1;
    private volatile bool _isTimeKnown;
    private volatile bool _isSound;
    private volatile bool _isKnownWrong;

    public LogSegment(
        LogEnvironment environment, string directory, long baseOffset, SegmentFiles files, string nameEnding = "")
    {
        _environment = environment;
        _directory = directory;
        BaseOffset = baseOffset;
        File = new SegmentFile(environment, directory, baseOffset, LogFileName.Log + nameEnding);
        OffsetIndex = new OffsetIndex(
            new SegmentFile(environment, directory, baseOffset, LogFileName.Index + nameEnding), files.OffsetEntries);
        TimeIndex = new TimeIndex(
            new SegmentFile(environment, directory, baseOffset, LogFileName.TimeIndex + nameEnding), files.TimeEntries);
        TransactionIndex = new TransactionIndex(
            new SegmentFile(environment, directory, baseOffset, LogFileName.TransactionIndex + nameEnding), files.HasTransactions);
        if (files.HasTails)
        {
            OffsetIndex.MarkTail();
            TimeIndex.MarkTail();
        }

        CreatedMs = environment.NowMs;
        _size = files.Size;
        _isTimeKnown = files.Size == 0;
        _isSound = files.Size == 0;
    }

    public long BaseOffset { get; }

    public SegmentFile File { get; }

    public OffsetIndex OffsetIndex { get; }

    public TimeIndex TimeIndex { get; }

    public TransactionIndex TransactionIndex { get; }

    /// <summary>Bytes of whole batches that readers may see.</summary>
    public int Size => _size;

    /// <summary>When this object was made (ms): the age of a segment whose records carry no time.</summary>
    public long CreatedMs { get; init; }

    /// <summary>Its files, whether they are there or not.</summary>
    public SegmentFile[] Files => [File, OffsetIndex.File, TimeIndex.File, TransactionIndex.File];

    /// <summary>It is being removed or was replaced: the log does not have it any more.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Largest timestamp of its batches (ms), -1 without any. For the writer, and readers of sealed ones.</summary>
    public long MaxTimestamp
    {
        get
        {
            LoadTime();
            return _maxTimestamp;
        }
    }

    /// <summary>Last offset of the batch with the largest timestamp.</summary>
    public long OffsetOfMaxTimestamp
    {
        get
        {
            LoadTime();
            return _offsetOfMaxTimestamp;
        }
    }

    /// <summary>A recovery has read it to its end.</summary>
    public bool IsRestored { get; private set; }

    /// <summary>A recovery has seen the end of a transaction in it, or has not seen all of it.</summary>
    public bool MayHaveMarkers { get; set; } = true;

    /// <summary>Bytes since the last index entry.</summary>
    public int BytesSinceIndexEntry => _bytesSinceIndexEntry;

    /// <summary>Largest timestamp of the first batch (ms); -1 if unknown or none.</summary>
    public long FirstBatchTimestamp { get; private set; } = -1;

    /// <summary>Enters a batch that has been written at <paramref name="position"/> into the indexes.</summary>
    public void Note(long lastOffset, long maxTimestamp, int position, int size, int indexInterval)
    {
        if (position == 0)
        {
            FirstBatchTimestamp = maxTimestamp;
        }

        if (maxTimestamp > _maxTimestamp)
        {
            _offsetOfMaxTimestamp = lastOffset;
            _maxTimestamp = maxTimestamp;
        }

        if (_bytesSinceIndexEntry > indexInterval)
        {
            OffsetIndex.Append(new IndexEntry(lastOffset - BaseOffset, position));
            TimeIndex.AppendIfLater(_maxTimestamp, (int)(_offsetOfMaxTimestamp - BaseOffset));
            _bytesSinceIndexEntry = 0;
        }

        _bytesSinceIndexEntry += size;
    }

    /// <summary>Lets readers see everything up to <paramref name="size"/>, where <paramref name="next"/> will be.</summary>
    public void Publish(int size, long next)
    {
        _size = size;
        Remember(next, size);
    }

    /// <summary>Closes the books: the largest timestamp gets its entry and the indexes go to their files.</summary>
    public void Seal()
    {
        TimeIndex.AppendIfLater(_maxTimestamp, (int)(_offsetOfMaxTimestamp - BaseOffset));
        PersistIndexes();
    }

    /// <summary>Index files were written and are not durable yet.</summary>
    public bool HasUnflushedIndexes =>
        OffsetIndex.IsUnflushed || TimeIndex.IsUnflushed || TransactionIndex.IsUnflushed;

    public void FlushIndexes()
    {
        OffsetIndex.Flush();
        TimeIndex.Flush();
        TransactionIndex.Flush();
    }

    public void PersistIndexes()
    {
        OffsetIndex.Persist();
        TimeIndex.Persist();
        TransactionIndex.Persist();
    }

    /// <summary>A segment rolls when an index has no room for another entry; one of the time index is kept free.</summary>
    public bool IsIndexFull(int indexBytes) =>
        OffsetIndex.Count >= indexBytes / OffsetIndex.EntrySize
        || TimeIndex.Count >= (indexBytes / TimeIndex.EntrySize) - 1;

    /// <summary>Reads the first batch's largest timestamp if it is not known.</summary>
    public void LoadFirstBatchTimestamp()
    {
        if (FirstBatchTimestamp < 0 && _size > 0 && TryFind(BaseOffset, _size, out _, out var first))
        {
            FirstBatchTimestamp = first.MaxTimestamp;
        }
    }

    /// <summary>
    /// Finds the first batch whose last offset is at least <paramref name="offset"/>, below position
    /// <paramref name="end"/>.
    /// </summary>
    [SkipLocalsInit]
    public bool TryFind(long offset, int end, out int position, out RecordBatchInfo batch)
    {
        batch = default;
        position = 0;
        if (File.Pin() is not { } file)
        {
            return false;
        }

        try
        {
            Span<byte> window = stackalloc byte[BatchHeaderScanner.WindowLength];
            if (!TryStartOfSearch(file, offset, end, window, out var from, out var lastOffset, ref batch))
            {
                position = from;
                return true;
            }

            var scanner = new BatchHeaderScanner(file, from, end, window);
            var found = scanner.Next();
            if (lastOffset >= 0 && (!found || scanner.Current.LastOffset != lastOffset))
            {
                // The index lies: it is believed only as far as the log at its place agrees.
                _isKnownWrong = true;
                _isSound = false;
                scanner = new BatchHeaderScanner(file, 0, end, window);
                found = scanner.Next();
            }

            while (found && scanner.Current.LastOffset < offset)
            {
                found = scanner.Next();
            }

            position = scanner.Position;
            batch = scanner.Current;
            return found;
        }
        finally
        {
            File.Unpin();
        }
    }

    /// <summary>Position of the first batch that begins at or behind <paramref name="offset"/>.</summary>
    public int PositionOf(long offset)
    {
        if (TryRecent(offset, out var position))
        {
            return position;
        }

        var end = _size;
        if (!TryFind(offset, end, out position, out _))
        {
            return end;
        }

        // The offset lies inside the batch: whoever may see only what is below it may not see the batch.
        return position;
    }

    /// <summary>Remembers where an offset lies.</summary>
    public void Remember(long offset, int position)
    {
        _recent ??= NewRecent();
        Volatile.Write(ref _recent[_recentNext], ((offset - BaseOffset) << 32) | (uint)position);
        _recentNext = (_recentNext + 1) % RecentSize;
    }

    /// <summary>Where an offset lies, if an append ended there lately.</summary>
    public bool TryRecent(long offset, out int position)
    {
        position = 0;
        var relative = offset - BaseOffset;
        if (_recent is not { } recent || relative < 0)
        {
            return false;
        }

        for (var i = 0; i < recent.Length; i++)
        {
            var packed = Volatile.Read(ref recent[i]);
            if (packed >> 32 == relative)
            {
                position = (int)packed;
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes over what a recovery found.</summary>
    public void Restore(int size, long nextOffset, long maxTimestamp, long offsetOfMaxTimestamp, int sinceIndexEntry)
    {
        _maxTimestamp = maxTimestamp;
        _offsetOfMaxTimestamp = offsetOfMaxTimestamp;
        _bytesSinceIndexEntry = sinceIndexEntry;
        _recent = null;
        _isTimeKnown = true;
        _isSound = true;
        IsRestored = true;
        Publish(size, nextOffset);
    }

    /// <summary>The files may be made when they are first needed.</summary>
    public void AllowCreation()
    {
        File.MayCreate = true;
        OffsetIndex.File.MayCreate = true;
        TimeIndex.File.MayCreate = true;
        TransactionIndex.File.MayCreate = true;
    }

    /// <summary>The files are not opened any more; who has them pinned keeps them.</summary>
    public void Leave()
    {
        IsGone = true;
        File.Leave();
        OffsetIndex.File.Leave();
        TimeIndex.File.Leave();
        TransactionIndex.File.Leave();
    }

    /// <summary>Closes the files once nobody reads them, then runs <paramref name="then"/>. Final.</summary>
    public void Retire(Action then)
    {
        var left = 4;
        void One()
        {
            if (Interlocked.Decrement(ref left) == 0)
            {
                then();
            }
        }

        File.Retire(One);
        OffsetIndex.File.Retire(One);
        TimeIndex.File.Retire(One);
        TransactionIndex.File.Retire(One);
    }

    /// <summary>
    /// Looks through the indexes of a sealed segment before they are first used, and makes them anew if they
    /// contradict themselves: they carry no checksum.
    /// </summary>
    /// <returns>False if they had to be made anew.</returns>
    public bool EnsureSound(int indexInterval)
    {
        if (_isSound)
        {
            return true;
        }

        lock (OffsetIndex)
        {
            if (_isSound)
            {
                return true;
            }

            var sound = !_isKnownWrong && OffsetIndex.IsSound(long.MaxValue, _size) && TimeIndex.IsSound(long.MaxValue, int.MaxValue)
                && (TimeIndex.Count > 0 || _size == 0);
            if (!sound)
            {
                RebuildIndexes(indexInterval);
            }

            _isKnownWrong = false;
            _isSound = true;
            return sound;
        }
    }

    /// <summary>
    /// Makes the indexes anew from the batch headers. Durable on return; a file beside them says until then that they are not
    /// whole, since half of an index looks like an index.
    /// </summary>
    public void RebuildIndexes(int indexInterval)
    {
        var marker = LogFileName.PathOf(_directory, BaseOffset, LogFileName.Rebuilding);
        _environment.Files.WriteUnflushed(marker, []);
        _environment.Files.FlushDirectory(_directory);
        BuildIndexes(indexInterval);
        FlushIndexes();
        _environment.Files.DeleteFile(marker);
    }

    private void BuildIndexes(int indexInterval)
    {
        AllowCreation();
        OffsetIndex.Keep(0);
        TimeIndex.Keep(0);
        (_maxTimestamp, _offsetOfMaxTimestamp, _bytesSinceIndexEntry) = (-1, -1, 0);
        if (File.Pin() is not { } file)
        {
            return;
        }

        try
        {
            Span<byte> window = stackalloc byte[BatchHeaderScanner.WindowLength];
            var scanner = new BatchHeaderScanner(file, 0, _size, window);
            while (scanner.Next())
            {
                var batch = scanner.Current;
                Note(batch.LastOffset, batch.MaxTimestamp, scanner.Position, batch.Size, indexInterval);
            }
        }
        finally
        {
            File.Unpin();
        }

        _isTimeKnown = true;
        Seal();
    }

    private void LoadTime()
    {
        if (_isTimeKnown)
        {
            return;
        }

        lock (OffsetIndex)
        {
            if (!_isTimeKnown && TimeIndex.Count > 0)
            {
                var last = TimeIndex.Last;
                (_maxTimestamp, _offsetOfMaxTimestamp) = (last.Key, BaseOffset + last.Value);
            }

            _isTimeKnown = true;
        }
    }

    private static long[] NewRecent()
    {
        var recent = new long[RecentSize];
        recent.AsSpan().Fill(-1);
        return recent;
    }

    /// <summary>
    /// Where to start, and the last offset of the batch that must lie there (-1 if that is not known). False if there
    /// is nothing to search any more: the batch begins there.
    /// </summary>
    private bool TryStartOfSearch(
        IFile file, long offset, int end, Span<byte> window, out int position, out long lastOffset, ref RecordBatchInfo batch)
    {
        lastOffset = -1;
        if (TryRecent(offset, out position) && position < end)
        {
            return true;
        }

        var relative = offset - BaseOffset;
        var hasFloor = OffsetIndex.TryBracket(relative, out var floor, out var next, out var hasNext);
        var isUsable = hasFloor && floor.Value < end;
        position = isUsable ? floor.Value : 0;

        // Batches larger than the index interval have an entry each: then the next entry is most likely the one.
        if (hasNext && next.Value < end && next.Value - position >= FarApart && (!hasFloor || floor.Key != relative)
            && IsBatchOf(file, offset, next, end, window, out batch))
        {
            position = next.Value;
            return false;
        }

        lastOffset = isUsable ? BaseOffset + floor.Key : -1;
        return true;
    }

    private bool IsBatchOf(
        IFile file, long offset, IndexEntry entry, int end, Span<byte> window, out RecordBatchInfo batch)
    {
        var scanner = new BatchHeaderScanner(file, entry.Value, end, window[..RecordBatchHeader.Size]);
        var isWhole = scanner.Next();
        batch = scanner.Current;
        return isWhole && batch.LastOffset == BaseOffset + entry.Key && batch.BaseOffset <= offset;
    }
}

/// <summary>What a directory listing and a look into the files tell of a segment.</summary>
internal readonly record struct SegmentFiles(int Size, int OffsetEntries, int TimeEntries, bool HasTransactions)
{
    /// <summary>An index file is longer than its entries.</summary>
    public bool HasTails { get; init; }
}
