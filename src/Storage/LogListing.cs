namespace Orleans.Kafka.Storage;

/// <summary>The files of one segment, as the directory shows them.</summary>
internal sealed record SegmentListing(long BaseOffset, long LogLength, SegmentFiles Sizes, bool HasUsableIndexes);

/// <summary>A partition's directory, sorted out. Leftovers of unfinished steps are removed on the way.</summary>
internal sealed record LogListing(List<SegmentListing> Segments, List<long> Snapshots)
{
    public static LogListing Read(LogEnvironment environment, string directory)
    {
        SwapRecovery.Run(environment, directory);
        var lengths = new Dictionary<(long Offset, string Suffix), long>();
        foreach (var entry in environment.Files.List(directory))
        {
            if (entry.IsDirectory)
            {
                continue;
            }

            if (entry.Name.EndsWith(LogFileName.Deleted, StringComparison.Ordinal)
                || entry.Name.EndsWith(LogFileName.Cleaned, StringComparison.Ordinal)
                || entry.Name.EndsWith(".tmp", StringComparison.Ordinal))
            {
                environment.Files.DeleteFile(Path.Join(directory, entry.Name));
            }
            else if (LogFileName.TryParse(entry.Name, out var offset, out var suffix))
            {
                lengths[(offset, suffix)] = entry.Length;
            }
        }

        DropOrphans(environment, directory, lengths);
        var segments = lengths.Keys
            .Where(k => k.Suffix == LogFileName.Log)
            .OrderBy(k => k.Offset)
            .Select(k => Segment(environment, directory, k.Offset, lengths))
            .ToList();
        return new LogListing(
            segments, [.. lengths.Keys.Where(k => k.Suffix == LogFileName.Snapshot).Select(k => k.Offset)]);
    }

    /// <summary>
    /// Indexes whose <c>.log</c> is gone: a removal was cut short. A new segment may come to lie there, and would take
    /// their aborted transactions for its own.
    /// </summary>
    private static void DropOrphans(
        LogEnvironment environment, string directory, Dictionary<(long Offset, string Suffix), long> lengths)
    {
        var orphans = lengths.Keys
            .Where(k => k.Suffix is LogFileName.Index or LogFileName.TimeIndex or LogFileName.TransactionIndex
                && !lengths.ContainsKey((k.Offset, LogFileName.Log)))
            .ToList();
        foreach (var (offset, suffix) in orphans)
        {
            environment.Files.DeleteFile(LogFileName.PathOf(directory, offset, suffix));
        }

        if (orphans.Count > 0)
        {
            environment.Files.FlushDirectory(directory);
        }
    }

    private static SegmentListing Segment(
        LogEnvironment environment,
        string directory,
        long offset,
        Dictionary<(long Offset, string Suffix), long> lengths)
    {
        var log = lengths[(offset, LogFileName.Log)];
        if (log > int.MaxValue)
        {
            throw new LogFormatException(
                $"{LogFileName.PathOf(directory, offset, LogFileName.Log)} has {log} bytes, more than a segment can have");
        }

        var usable = lengths.TryGetValue((offset, LogFileName.Index), out var index) && index % OffsetIndex.EntrySize == 0
            && lengths.TryGetValue((offset, LogFileName.TimeIndex), out var time) && time % TimeIndex.EntrySize == 0
            && !lengths.ContainsKey((offset, LogFileName.Rebuilding));
        var timeLength = lengths.GetValueOrDefault((offset, LogFileName.TimeIndex));
        var offsets = usable
            ? Entries(environment, directory, offset, LogFileName.Index, OffsetIndex.EntrySize, index)
            : 0;
        var times = usable
            ? Entries(environment, directory, offset, LogFileName.TimeIndex, TimeIndex.EntrySize, timeLength)
            : 0;
        var sizes = new SegmentFiles(
            (int)log, offsets, times, lengths.ContainsKey((offset, LogFileName.TransactionIndex)))
        {
            HasTails = index > (long)offsets * OffsetIndex.EntrySize || timeLength > (long)times * TimeIndex.EntrySize,
        };
        return new SegmentListing(offset, log, sizes, usable);
    }

    // Kafka preallocates the indexes of the active segment and leaves zeros behind the last entry when killed.
    private static int Entries(
        LogEnvironment environment, string directory, long offset, string suffix, int entrySize, long length)
    {
        if (length == 0)
        {
            return 0;
        }

        using var file = environment.Files.Open(LogFileName.PathOf(directory, offset, suffix), FileOpen.Read);
        Span<byte> last = stackalloc byte[entrySize];
        file.Read(last, length - entrySize);
        return last.ContainsAnyExcept((byte)0)
            ? (int)(length / entrySize)
            : SparseIndex.CountEntries(file, entrySize);
    }
}
