using System.Globalization;

namespace Orleans.Kafka.Storage;

/// <summary>
/// What is done with bytes that cannot be served: they leave the log, but not the disk. A person may still want them.
/// </summary>
internal static class LogDamage
{
    private const int CopyBlock = 1 << 20;

    /// <summary>Cuts the file of a segment; what was cut lies in <c>OFFSET.damaged</c> unless it is nothing but zeros.</summary>
    public static void CutTail(LogEnvironment environment, LogSegment segment, int from, long to, long nextOffset)
    {
        var path = segment.File.Path;
        var file = segment.File.Pin() ?? throw new IOException($"{path} is being removed");
        try
        {
            var kept = KeepCopy(environment, file, from, to, nextOffset);
            file.SetLength(from);

            // Else a power cut could bring the old bytes back behind records that were appended meanwhile.
            file.Flush();
            var where = kept is null ? "" : $"; they are kept in {kept}";
            environment.Notice(
                StorageNoticeKind.DataCut,
                path,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"cut {to - from} bytes from position {from}, offset {nextOffset}: no whole batch lies there{where}"));
        }
        finally
        {
            segment.File.Unpin();
        }
    }

    /// <summary>Takes segments that lie behind damage out of the log.</summary>
    public static void SetAside(LogEnvironment environment, string directory, IReadOnlyList<SegmentListing> segments)
    {
        foreach (var segment in segments)
        {
            var log = LogFileName.PathOf(directory, segment.BaseOffset, LogFileName.Log);
            if (segment.LogLength > 0)
            {
                var target = FreeName(environment, log);
                environment.Files.RenameFile(log, target);
                environment.Notice(
                    StorageNoticeKind.DataCut,
                    log,
                    $"the segment lies behind damage and is set aside with {segment.LogLength} bytes as {target}");
            }
            else
            {
                environment.Files.DeleteFile(log);
            }

            foreach (var suffix in (ReadOnlySpan<string>)
                [LogFileName.Index, LogFileName.TimeIndex, LogFileName.TransactionIndex])
            {
                environment.Files.DeleteFile(LogFileName.PathOf(directory, segment.BaseOffset, suffix));
            }
        }

        if (segments.Count > 0)
        {
            environment.Files.FlushDirectory(directory);
        }
    }

    private static string? KeepCopy(LogEnvironment environment, IFile file, int from, long to, long nextOffset)
    {
        var directory = Path.GetDirectoryName(file.Path)!;
        var path = FreeName(environment, LogFileName.PathOf(directory, nextOffset, ""));
        var buffer = new byte[(int)Math.Min(CopyBlock, to - from)];
        IFile? copy = null;
        try
        {
            for (long at = from; at < to; at += buffer.Length)
            {
                var block = buffer.AsSpan(0, (int)Math.Min(buffer.Length, to - at));
                file.Read(block, at);
                if (copy is null && !block.ContainsAnyExcept((byte)0))
                {
                    continue;
                }

                copy ??= environment.Files.Open(path, FileOpen.CreateEmpty);
                copy.Write(block, at - from);
            }

            if (copy is null)
            {
                return null;
            }

            copy.Flush();
            environment.Files.FlushDirectory(directory);
            return path;
        }
        finally
        {
            copy?.Dispose();
        }
    }

    /// <summary>What an earlier recovery kept is not written over.</summary>
    public static string FreeName(LogEnvironment environment, string path)
    {
        var free = path + LogFileName.Damaged;
        for (var n = 2; environment.Files.FileExists(free); n++)
        {
            free = string.Create(CultureInfo.InvariantCulture, $"{path}.{n}{LogFileName.Damaged}");
        }

        return free;
    }
}
