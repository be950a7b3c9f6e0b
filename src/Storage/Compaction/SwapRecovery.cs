namespace Orleans.Kafka.Storage;

/// <summary>
/// Brings swaps that a crash interrupted to their end, or takes them back, before a directory is opened
/// (<see cref="SegmentSwap"/> has the steps). A crash in here is harmless: the next opening goes on.
/// </summary>
internal static class SwapRecovery
{
    private static readonly string[] IndexSuffixes =
        [LogFileName.Index, LogFileName.TimeIndex, LogFileName.TransactionIndex];

    /// <summary>Handles all leftovers of a directory; nothing happens without any.</summary>
    public static void Run(LogEnvironment environment, string directory)
    {
        var names = environment.Files.List(directory).Where(e => !e.IsDirectory).Select(e => e.Name).ToHashSet();
        if (!names.Any(IsLeftover))
        {
            return;
        }

        var logs = names.Where(n => n.EndsWith(LogFileName.Log + LogFileName.Swap, StringComparison.Ordinal)).Order();
        foreach (var name in logs.ToList())
        {
            if (LogFileName.TryParse(name, out var offset, out _))
            {
                Complete(environment, directory, names, offset);
            }
        }

        foreach (var name in names.Where(IsLeftover).Order().ToList())
        {
            var path = Path.Join(directory, name);
            var target = name[..^LogFileName.Swap.Length];
            if (name.EndsWith(LogFileName.Swap, StringComparison.Ordinal) && LogFileName.TryParse(target, out _, out _))
            {
                // Step 5 came through: the log has its name, this index not yet.
                environment.Files.RenameFile(path, Path.Join(directory, target));
            }
            else
            {
                environment.Files.DeleteFile(path);
            }
        }

        environment.Files.FlushDirectory(directory);
    }

    private static bool IsLeftover(string name) =>
        name.EndsWith(LogFileName.Swap, StringComparison.Ordinal)
        || name.EndsWith(LogFileName.Cleaned, StringComparison.Ordinal);

    private static void Complete(LogEnvironment environment, string directory, HashSet<string> names, long offset)
    {
        var swap = LogFileName.PathOf(directory, offset, LogFileName.Log + LogFileName.Swap);
        foreach (var suffix in IndexSuffixes)
        {
            Rename(environment, directory, names, offset, suffix + LogFileName.Cleaned, suffix + LogFileName.Swap);
        }

        environment.Files.FlushDirectory(directory);
        var end = Math.Max(offset + 1, EndOf(environment, swap, offset));
        foreach (var name in names.ToList())
        {
            if (LogFileName.TryParse(name, out var old, out var suffix) && old >= offset && old < end
                && (suffix == LogFileName.Log || IndexSuffixes.Contains(suffix)
                    || (suffix == LogFileName.Snapshot && old > offset)))
            {
                environment.Files.DeleteFile(Path.Join(directory, name));
                names.Remove(name);
            }
        }

        environment.Files.FlushDirectory(directory);
        Rename(environment, directory, names, offset, LogFileName.Log + LogFileName.Swap, LogFileName.Log);
        environment.Files.FlushDirectory(directory);
        environment.Notice(
            StorageNoticeKind.Recovered, directory, $"the cleaned segment {offset} took the place of those below {end}");
    }

    private static void Rename(
        LogEnvironment environment, string directory, HashSet<string> names, long offset, string from, string to)
    {
        var path = LogFileName.PathOf(directory, offset, from);
        if (names.Remove(Path.GetFileName(path)))
        {
            var target = LogFileName.PathOf(directory, offset, to);
            environment.Files.RenameFile(path, target);
            names.Add(Path.GetFileName(target));
        }
    }

    /// <summary>The offset behind the last batch of a segment.</summary>
    private static long EndOf(LogEnvironment environment, string path, long offset)
    {
        using var file = environment.Files.Open(path, FileOpen.Read);
        Span<byte> window = stackalloc byte[BatchHeaderScanner.WindowLength];
        var scanner = new BatchHeaderScanner(file, 0, (int)Math.Min(file.Length, int.MaxValue), window);
        var end = offset;
        while (scanner.Next())
        {
            end = Math.Max(end, scanner.Current.NextOffset);
        }

        return end;
    }
}
