namespace Orleans.Kafka.Storage;

/// <summary>
/// Which neighbours become one segment: together no more than a segment and its indexes may have, so that cleaning
/// does not leave ever more ever smaller files.
/// </summary>
internal static class SegmentGroups
{
    public static List<List<LogSegment>> Of(IReadOnlyList<LogSegment> segments, LogConfig config, long roundEnd)
    {
        var groups = new List<List<LogSegment>>();
        var (size, offsets, times) = (0L, 0L, 0L);
        for (var i = 0; i < segments.Count; i++)
        {
            var segment = segments[i];
            var end = i + 1 < segments.Count ? segments[i + 1].BaseOffset : roundEnd;
            var offsetBytes = (long)segment.OffsetIndex.Count * OffsetIndex.EntrySize;
            var timeBytes = (long)segment.TimeIndex.Count * TimeIndex.EntrySize;
            if (groups.Count > 0
                && size + segment.Size <= config.SegmentBytes
                && offsets + offsetBytes <= config.SegmentIndexBytes
                && times + timeBytes <= config.SegmentIndexBytes
                && (segment.Size == 0 || end - 1 - groups[^1][0].BaseOffset <= int.MaxValue))
            {
                groups[^1].Add(segment);
                (size, offsets, times) = (size + segment.Size, offsets + offsetBytes, times + timeBytes);
            }
            else
            {
                groups.Add([segment]);
                (size, offsets, times) = (segment.Size, offsetBytes, timeBytes);
            }
        }

        return groups;
    }
}
