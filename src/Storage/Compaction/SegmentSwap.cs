namespace Orleans.Kafka.Storage;

/// <summary>
/// Puts a cleaned segment in the place of a group of others, so that a crash at any point leaves the one or the
/// other. The names tell how far it came (Kafka's <c>.cleaned</c>, <c>.swap</c>, <c>.deleted</c>); the directory is
/// flushed between the steps, because a disk may keep later names and lose earlier ones.
/// <code>
///  step                                      a crash behind it
///  1 files .cleaned, flushed                 they are removed, the old segments stay
///  2 .log.cleaned -> .log.swap               from here on the new segment counts, the old ones are removed
///  3 indexes .cleaned -> .swap               as 2
///  4 old files -> .deleted                   as 2
///  5 .log.swap -> .log                       indexes that are still .swap get their names
///  6 indexes .swap -> final                  nothing to do
/// </code>
/// </summary>
internal static class SegmentSwap
{
    /// <summary>Step 2, without the flush.</summary>
    public static void Commit(LogSegment cleaned) => cleaned.File.Rename(LogFileName.Log + LogFileName.Swap);

    /// <summary>Steps 2 (its flush) to 6. The old segments are not in the log any more.</summary>
    /// <returns>The names that the old files have now.</returns>
    /// <exception cref="IOException">The disk fails: opening the log anew completes the swap.</exception>
    public static List<string> Complete(
        LogEnvironment environment, string directory, IReadOnlyList<LogSegment> old, LogSegment cleaned)
    {
        environment.Files.FlushDirectory(directory);
        RenameIndexes(environment, cleaned, LogFileName.Swap);
        environment.Files.FlushDirectory(directory);
        var deleted = new List<string>();
        for (var i = old.Count - 1; i >= 0; i--)
        {
            old[i].Leave();
            foreach (var file in old[i].Files)
            {
                MoveAway(environment, file.Path, deleted);
            }

            if (i > 0)
            {
                MoveAway(environment, LogFileName.PathOf(directory, old[i].BaseOffset, LogFileName.Snapshot), deleted);
            }
        }

        environment.Files.FlushDirectory(directory);
        cleaned.File.Rename(LogFileName.Log);
        environment.Files.FlushDirectory(directory);
        RenameIndexes(environment, cleaned, "");
        environment.Files.FlushDirectory(directory);
        return deleted;
    }

    private static void RenameIndexes(LogEnvironment environment, LogSegment segment, string ending)
    {
        segment.OffsetIndex.File.Rename(LogFileName.Index + ending);
        segment.TimeIndex.File.Rename(LogFileName.TimeIndex + ending);
        var transactions = segment.TransactionIndex.File;
        if (environment.Files.FileExists(transactions.Path))
        {
            transactions.Rename(LogFileName.TransactionIndex + ending);
        }
        else
        {
            transactions.Rename(LogFileName.TransactionIndex + ending, hasFile: false);
        }
    }

    private static void MoveAway(LogEnvironment environment, string path, List<string> deleted)
    {
        if (environment.Files.FileExists(path))
        {
            deleted.Add(LogFileName.MoveAway(environment.Files, path));
        }
    }
}
