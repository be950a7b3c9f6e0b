using System.Globalization;

namespace Orleans.Kafka.Storage;

/// <summary>
/// What is done with bytes that cannot be served: they leave the log, but not the disk. A person may still want them.
/// </summary>
internal static class LogDamage
{
    private const int CopyBlock = 1 << 20;
    private const int WorthKeeping = 61;

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
                environment.Files.RenameFile(log, log + LogFileName.Damaged);
                environment.Notice(
                    StorageNoticeKind.DataCut,
                    log,
                    $"the segment lies behind damage and is set aside with {segment.LogLength} bytes");
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
        if (to - from < WorthKeeping)
        {
            return null;
        }

        var directory = Path.GetDirectoryName(file.Path)!;
        var path = LogFileName.PathOf(directory, nextOffset, LogFileName.Damaged);
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

            copy?.Flush();
            return copy is null ? null : path;
        }
        finally
        {
            copy?.Dispose();
        }
    }
}
