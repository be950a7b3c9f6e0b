using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <content>Producer state from snapshots and batches.</content>
public sealed partial class PartitionLog
{
    /// <summary>
    /// Producer state as of <paramref name="end"/>: the newest good snapshot, then every batch behind it. Without a
    /// snapshot the whole log is walked (headers only), for an open transaction that is forgotten is a read of
    /// uncommitted data.
    /// </summary>
    private void ReloadProducers(long start, long end) => ReloadProducers(start, end, SnapshotOffsets());

    private void ReloadProducers(long start, long end, List<long> snapshots)
    {
        _producers.Clear();
        _lastSnapshotOffset = -1;
        var from = start;
        foreach (var offset in snapshots.OrderDescending())
        {
            var path = LogFileName.PathOf(Directory, offset, LogFileName.Snapshot);
            if (offset > end)
            {
                _environment.Files.DeleteFile(path);
            }
            else if (offset >= start && _lastSnapshotOffset < 0 && TryLoadSnapshot(path))
            {
                from = offset;
                _lastSnapshotOffset = offset;
            }
        }

        // What was cut off may have aborted transactions: their offsets are given to others.
        _segments[^1].TransactionIndex.TruncateTo(end);
        if (from < end)
        {
            Replay(from);
        }

        if (_lastSnapshotOffset < 0 && start == end && _producers.Count == 0)
        {
            _lastSnapshotOffset = end;
        }
    }

    private List<long> SnapshotOffsets()
    {
        var offsets = new List<long>();
        foreach (var entry in _environment.Files.List(Directory))
        {
            if (!entry.IsDirectory && LogFileName.TryParse(entry.Name, out var offset, out var suffix)
                && suffix == LogFileName.Snapshot)
            {
                offsets.Add(offset);
            }
        }

        return offsets;
    }

    private bool TryLoadSnapshot(string path)
    {
        var bytes = _environment.Files.ReadAll(path, ProducerSnapshot.MaxBytes);
        if (bytes is not null && ProducerSnapshot.TryDecode(
                bytes, _producers, _environment.NowMs, _config.ProducerIdExpirationMs))
        {
            return true;
        }

        _producers.Clear();
        _environment.Files.DeleteFile(path);
        _environment.Notice(StorageNoticeKind.Rebuilt, path, "the snapshot is damaged; an older one is used");
        return false;
    }

    private void Replay(long from)
    {
        var segments = _segments;
        for (var i = 0; i < segments.Length; i++)
        {
            if (i + 1 < segments.Length && segments[i + 1].BaseOffset <= from)
            {
                continue;
            }

            segments[i].TransactionIndex.TruncateTo(from);
            ReplaySegment(segments[i], from);
            if (i < segments.Length - 1)
            {
                // Nobody writes it again: a clean stop would trust a file that lacks what was found just now.
                segments[i].TransactionIndex.File.MayCreate = true;
                segments[i].TransactionIndex.Persist();
            }
        }
    }

    private void ReplaySegment(LogSegment segment, long from)
    {
        if (segment.Size == 0 || segment.File.Pin() is not { } file)
        {
            return;
        }

        try
        {
            Span<byte> window = stackalloc byte[BatchHeaderScanner.WindowLength];
            Span<byte> control = stackalloc byte[64];
            var scanner = new BatchHeaderScanner(file, segment.PositionOf(from), segment.Size, window);
            while (scanner.Next())
            {
                var batch = scanner.Current;
                // The log start may lie inside a batch: its transaction is open all the same.
                if (batch.LastOffset < from || !batch.HasProducerId)
                {
                    continue;
                }

                if (!batch.IsControl)
                {
                    _producers.Enter(batch);
                    continue;
                }

                var read = file.Read(
                    control[..Math.Min(control.Length, batch.Size - RecordBatchHeader.Size)],
                    scanner.Position + RecordBatchHeader.Size);
                if (ControlRecord.TryRead(batch, control[..read], out var marker)
                    && marker.Type is ControlType.Abort or ControlType.Commit
                    && _producers.EnterMarker(batch, marker) is { } aborted)
                {
                    segment.TransactionIndex.Append(aborted);
                }
            }
        }
        finally
        {
            segment.File.Unpin();
        }
    }
}
