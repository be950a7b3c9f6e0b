using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <content>Producer state from snapshots and batches.</content>
public sealed partial class PartitionLog
{
    /// <summary>
    /// Producer state as of <paramref name="end"/>: the newest good snapshot, then every batch behind it. Without a
    /// snapshot the whole log is walked (headers only), for an open transaction that is forgotten is a read of
    /// uncommitted data. Batches below the log start count while their segment is there: what their producer sends
    /// again is a duplicate all the same.
    /// </summary>
    /// <param name="end">The log end.</param>
    /// <param name="snapshots">Offsets of the snapshots in the directory.</param>
    /// <param name="indexedBelow">
    /// Transaction indexes of segments below are on disk. A newer snapshot may be newer than they are: then an older one
    /// is the start, so that they are made anew, and the newer ones are taken up on the way.
    /// </param>
    /// <param name="readsAll">
    /// Walk the whole log: transaction indexes are made anew, and snapshots that are missing where segments begin.
    /// </param>
    /// <returns>The first offset whose batch was read: what was decided from there on is known.</returns>
    private long ReloadProducers(
        long end, List<long> snapshots, long indexedBelow = long.MaxValue, bool readsAll = false)
    {
        DropSnapshots(end, snapshots);
        _producers.Clear();
        _lastSnapshotOffset = LoadNewestSnapshot(snapshots, readsAll ? _segments[0].BaseOffset : indexedBelow);

        // What was cut off may have aborted transactions: their offsets are given to others.
        _segments[^1].TransactionIndex.TruncateTo(end);
        var from = Math.Max(_lastSnapshotOffset, _segments[0].BaseOffset);
        Replay(from, end, readsAll);
        if (_lastSnapshotOffset < 0 && _segments[0].BaseOffset == end)
        {
            _lastSnapshotOffset = end;
        }

        return from;
    }

    /// <summary>
    /// Finds the transactions whose marker is not below the high watermark, of which no snapshot tells: they stay unstable,
    /// for the marker may still be cut off. Reads headers from the newest snapshot on that is not above it, unless no
    /// producer ever ended a transaction; changes no file.
    /// </summary>
    private void FindDecided(long highWatermark, long end, List<long> snapshots)
    {
        if (_producers.All.All(p => p.CoordinatorEpoch < 0))
        {
            return;
        }

        var table = new ProducerStateTable();
        var from = snapshots.Where(s => s <= highWatermark).OrderDescending()
            .FirstOrDefault(s => TryReadSnapshot(s, table, out _), _segments[0].BaseOffset);
        foreach (var (segment, next) in _segments.Zip(_segments.Skip(1).Select(s => s.BaseOffset).Append(end)))
        {
            if (next <= from)
            {
                continue;
            }

            if (segment.BaseOffset > from)
            {
                TryReadSnapshot(segment.BaseOffset, table, out _);
            }

            ReplaySegment(segment, from, table, index: null);
        }

        _producers.TakeDecided(table);
    }

    /// <summary>
    /// Removes snapshots of what the log does not have: those behind its end at once and for good, for other records
    /// will take those offsets; and what earlier stops left between the segments, but for the newest.
    /// </summary>
    private void DropSnapshots(long end, List<long> snapshots)
    {
        var newest = snapshots.Where(s => s <= end).DefaultIfEmpty(-1).Max();
        var bases = _segments.Select(s => s.BaseOffset).ToHashSet();
        var isCut = false;
        foreach (var offset in snapshots)
        {
            if (offset > end || offset < _segments[0].BaseOffset || (offset != newest && !bases.Contains(offset)))
            {
                DeleteSnapshot(offset);
                isCut |= offset > end;
            }
        }

        snapshots.RemoveAll(s => s > end || s < _segments[0].BaseOffset || (s != newest && !bases.Contains(s)));
        if (isCut)
        {
            _environment.Files.FlushDirectory(Directory);
        }
    }

    private void DeleteSnapshot(long offset) =>
        _environment.Files.DeleteFile(LogFileName.PathOf(Directory, offset, LogFileName.Snapshot));

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

    /// <summary>Takes the newest good snapshot up to an offset; -1 if there is none.</summary>
    private long LoadNewestSnapshot(List<long> snapshots, long limit)
    {
        foreach (var offset in snapshots.Where(s => s <= limit).OrderDescending())
        {
            if (TryLoadSnapshot(offset))
            {
                return offset;
            }
        }

        return -1;
    }

    private bool TryLoadSnapshot(long offset)
    {
        if (TryReadSnapshot(offset, _producers, out var isThere))
        {
            return true;
        }

        if (isThere)
        {
            DeleteSnapshot(offset);
            _environment.Notice(
                StorageNoticeKind.Rebuilt, LogFileName.PathOf(Directory, offset, LogFileName.Snapshot),
                "the snapshot is damaged; an older one is used");
        }

        return false;
    }

    private bool TryReadSnapshot(long offset, ProducerStateTable target, out bool isThere)
    {
        var path = LogFileName.PathOf(Directory, offset, LogFileName.Snapshot);
        var bytes = _environment.Files.ReadAll(path, ProducerSnapshot.MaxBytes);
        isThere = bytes is not null;
        var table = new ProducerStateTable();
        if (bytes is null
            || !ProducerSnapshot.TryDecode(bytes, table, _environment.NowMs, _config.ProducerIdExpirationMs))
        {
            return false;
        }

        target.TakeOver(table);
        return true;
    }

    /// <summary>Enters every batch from an offset on.</summary>
    private void Replay(long from, long end, bool withSnapshots)
    {
        var segments = _segments;
        for (var i = 0; i < segments.Length && from < end; i++)
        {
            if (i + 1 < segments.Length && segments[i + 1].BaseOffset <= from)
            {
                continue;
            }

            if (segments[i].BaseOffset > from)
            {
                RestoreSnapshot(segments[i].BaseOffset, withSnapshots || i == segments.Length - 1);
            }

            segments[i].TransactionIndex.TruncateTo(from);
            ReplaySegment(segments[i], from, _producers, segments[i].TransactionIndex);
            if (i < segments.Length - 1)
            {
                // Nobody writes it again: a clean stop would trust a file that lacks what was found just now.
                segments[i].TransactionIndex.File.MayCreate = true;
                segments[i].TransactionIndex.Persist();
            }
        }

        if (withSnapshots && end > from)
        {
            RestoreSnapshot(end, mayWrite: true);
        }
    }

    /// <summary>
    /// Takes the producers from the snapshot of an offset, which knows more than the batches that are left; where there
    /// is none, writes one: what lies in front may say less yet when it has been cleaned.
    /// </summary>
    private void RestoreSnapshot(long offset, bool mayWrite)
    {
        if (TryLoadSnapshot(offset))
        {
            _lastSnapshotOffset = offset;
            return;
        }

        try
        {
            if (mayWrite)
            {
                WriteProducerSnapshot(offset);
            }
        }
        catch (IOException e)
        {
            // A full disk is no reason not to open: the log says the same.
            _environment.Notice(StorageNoticeKind.Failed, Directory, $"no snapshot at {offset}: {e.Message}");
        }
    }

    private static void ReplaySegment(
        LogSegment segment, long from, ProducerStateTable producers, TransactionIndex? index)
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
                if (batch.LastOffset < from || !batch.HasProducerId)
                {
                    continue;
                }

                if (!batch.IsControl)
                {
                    producers.Enter(batch);
                    continue;
                }

                var read = file.Read(
                    control[..Math.Min(control.Length, batch.Size - RecordBatchHeader.Size)],
                    scanner.Position + RecordBatchHeader.Size);
                if (ControlRecord.TryRead(batch, control[..read], out var marker)
                    && marker.Type is ControlType.Abort or ControlType.Commit
                    && producers.EnterMarker(batch, marker) is { } aborted)
                {
                    index?.Append(aborted);
                }
            }
        }
        finally
        {
            segment.File.Unpin();
        }
    }
}
