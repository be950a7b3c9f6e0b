namespace Orleans.Kafka.Storage;

/// <content>Taking records away at the end: truncation.</content>
public sealed partial class PartitionLog
{
    private bool _isBeingCut;

    /// <summary>
    /// Writes the directory's checkpoints: before anything is cut off and again before anything is appended behind, else a
    /// later recovery would trust bytes that were written anew and never flushed.
    /// </summary>
    internal Action? CheckpointsMustBeWritten { get; set; }

    /// <summary>
    /// A follower drops what its leader does not have: everything from <paramref name="offset"/> on. Batches are cut
    /// whole: the log may end below the offset. Readers of the range must be done with it.
    /// </summary>
    /// <returns>KafkaStorageError if the log has failed, or fails now.</returns>
    public ErrorCode TruncateTo(long offset)
    {
        lock (_flushGate)
        {
            if (offset >= Offsets.LogEnd)
            {
                return ChangeFiles(static () => { });
            }

            return Cut(offset, () =>
            {
                if (offset < _segments[0].BaseOffset)
                {
                    RestartAt(offset);
                }
                else
                {
                    CutEnd(offset);
                }
            });
        }
    }

    /// <summary>A follower's log is of no use to its leader: all goes, and it starts again at an offset.</summary>
    /// <returns>KafkaStorageError if the log has failed, or fails now.</returns>
    public ErrorCode TruncateFullyAndStartAt(long offset)
    {
        lock (_flushGate)
        {
            return Cut(Offsets.LogStart, () => RestartAt(offset));
        }
    }

    /// <summary>
    /// The recovery point goes down first, on disk as well: a recovery looks for holes only behind it, and a crash in
    /// the middle may leave any of the files. It stays down until something is flushed behind the cut.
    /// </summary>
    private ErrorCode Cut(long offset, Action change)
    {
        lock (_gate)
        {
            if (_isFailed || _isClosed)
            {
                return ErrorCode.KafkaStorageError;
            }

            _cuts++;
            _isBeingCut = true;
            _recoveryPoint = Math.Min(_recoveryPoint, offset);
        }

        var error = Guarded(WriteCheckpoints);
        error = error == ErrorCode.None ? ChangeFiles(change) : error;
        Volatile.Write(ref _isBeingCut, false);
        return error == ErrorCode.None ? Guarded(WriteCheckpoints) : error;
    }

    private void WriteCheckpoints() => CheckpointsMustBeWritten?.Invoke();

    /// <summary>
    /// Renames the files at once, so that no opening finds them again, and has them removed when no reader is left.
    /// </summary>
    private static void Remove(LogEnvironment environment, string directory, LogSegment segment, long delayMs)
    {
        segment.Leave();
        var paths = new List<string>();
        foreach (var suffix in (ReadOnlySpan<string>)
            [LogFileName.Log, LogFileName.Index, LogFileName.TimeIndex, LogFileName.TransactionIndex])
        {
            Rename(environment, LogFileName.PathOf(directory, segment.BaseOffset, suffix), paths);
        }

        segment.Retire(() =>
        {
            foreach (var path in paths)
            {
                environment.Deletions.Add(path, isDirectory: false, environment.NowMs + delayMs);
            }
        });
    }

    private static void Discard(LogEnvironment environment, string path, long delayMs)
    {
        var paths = new List<string>();
        Rename(environment, path, paths);
        foreach (var renamed in paths)
        {
            environment.Deletions.Add(renamed, isDirectory: false, environment.NowMs + delayMs);
        }
    }

    private static void Rename(LogEnvironment environment, string path, List<string> renamed)
    {
        try
        {
            if (environment.Files.FileExists(path))
            {
                renamed.Add(LogFileName.MoveAway(environment.Files, path));
            }
        }
        catch (IOException e)
        {
            environment.Notice(StorageNoticeKind.Failed, path, $"cannot be removed: {e.Message}");
        }
    }

    /// <summary>For what renames or removes files: not while a cleaned segment is on its way to its name.</summary>
    private ErrorCode ChangeFiles(Action change)
    {
        lock (_swapGate)
        {
            lock (_gate)
            {
                return _isFailed || _isClosed ? ErrorCode.KafkaStorageError : Guarded(change);
            }
        }
    }

    private ErrorCode Guarded(Action change)
    {
        try
        {
            change();
            return _isFailed ? ErrorCode.KafkaStorageError : ErrorCode.None;
        }
        catch (IOException e)
        {
            // It may have been a flush.
            LoseFlush(e);
            return ErrorCode.KafkaStorageError;
        }
    }

    private void CutEnd(long offset)
    {
        var segments = _segments;
        var last = FloorSegment(segments, offset);
        var segment = segments[last];
        var cutAt = segment.PositionOf(offset);

        // From the end on, so that a crash in between leaves no hole.
        for (var i = segments.Length - 1; i > last; i--)
        {
            Remove(_environment, Directory, segments[i], _config.FileDeleteDelayMs);
        }

        if (last < segments.Length - 1)
        {
            _environment.Files.FlushDirectory(Directory);
        }

        // The new last segment is a new object: readers of the old one keep its old, larger size.
        var file = segment.File.Pin() ?? throw new IOException($"{segment.File.Path} is being removed");
        try
        {
            file.SetLength(cutAt);

            // What is cut off must not come back between records that are appended later.
            file.Flush();
        }
        finally
        {
            segment.File.Unpin();
        }

        segment.TransactionIndex.Persist();
        segment.TransactionIndex.Flush();
        segment.Retire(() => { });
        var files = new SegmentFiles(cutAt, 0, 0, !segment.TransactionIndex.IsEmpty) { HasTails = true };
        var shortened = new LogSegment(_environment, Directory, segment.BaseOffset, files);
        var recovery = new LogRecovery(_environment, _config, _epochs);
        var (_, end) = recovery.Scan(shortened, cutAt, offset, indexesUsable: false);
        _segments = [.. segments[..last], shortened];
        FinishTruncation(Offsets.LogStart, end);
    }

    private void RestartAt(long offset)
    {
        foreach (var segment in _segments)
        {
            Remove(_environment, Directory, segment, _config.FileDeleteDelayMs);
        }

        // Nothing is known of whoever wrote what comes next.
        SnapshotOffsets().ForEach(DeleteSnapshot);
        AddSegment(offset, []);
        _environment.Files.FlushDirectory(Directory);
        FinishTruncation(offset, offset);
    }

    private void FinishTruncation(long start, long end)
    {
        _isDirectoryDirty = true;
        _recoveryPoint = Math.Min(_recoveryPoint, end);
        CleanerCheckpoint = Math.Min(CleanerCheckpoint, end);
        _epochs.TruncateFromEnd(end);
        start = Math.Min(start, end);
        _epochs.TruncateFromStart(start);
        var highWatermark = Math.Clamp(Offsets.HighWatermark, start, end);
        var snapshots = SnapshotOffsets();
        if (ReloadProducers(end, snapshots) > highWatermark)
        {
            FindDecided(highWatermark, end, snapshots);
        }

        _producers.HighWatermarkMoved(highWatermark);
        PublishOffsets(start, highWatermark, end);

        // Last, for those who look without the lock: BeginFlush.
        Volatile.Write(ref _cuts, _cuts + 1);
    }
}
