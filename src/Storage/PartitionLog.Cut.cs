namespace Orleans.Kafka.Storage;

/// <content>Taking records away at the end: truncation.</content>
public sealed partial class PartitionLog
{
    /// <summary>
    /// Writes the recovery points before anything is appended behind a truncation: else a later recovery would
    /// trust bytes that were written anew and never flushed.
    /// </summary>
    internal Action? RecoveryPointLowered { get; set; }

    /// <summary>
    /// A follower drops what its leader does not have: everything from <paramref name="offset"/> on. Batches are cut
    /// whole: the log may end below the offset. Readers of the range must be done with it.
    /// </summary>
    /// <returns>KafkaStorageError if the log has failed, or fails now.</returns>
    public ErrorCode TruncateTo(long offset)
    {
        lock (_flushGate)
        {
            var isCut = false;
            var error = ChangeFiles(() =>
            {
                isCut = offset < Offsets.LogEnd;
                if (!isCut)
                {
                    return;
                }

                if (offset < _segments[0].BaseOffset)
                {
                    RestartAt(offset);
                }
                else
                {
                    CutEnd(offset);
                }
            });
            return error == ErrorCode.None && isCut ? Guarded(() => RecoveryPointLowered?.Invoke()) : error;
        }
    }

    /// <summary>A follower's log is of no use to its leader: all goes, and it starts again at an offset.</summary>
    /// <returns>KafkaStorageError if the log has failed, or fails now.</returns>
    public ErrorCode TruncateFullyAndStartAt(long offset)
    {
        lock (_flushGate)
        {
            var error = ChangeFiles(() => RestartAt(offset));
            return error == ErrorCode.None ? Guarded(() => RecoveryPointLowered?.Invoke()) : error;
        }
    }

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
            Poison(Directory, e);
            return ErrorCode.KafkaStorageError;
        }
    }

    private void CutEnd(long offset)
    {
        var segments = _segments;
        var last = FloorSegment(segments, offset);
        var segment = segments[last];
        var cutAt = segment.PositionOf(offset);

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
        segment.Retire(() => { });
        for (var i = last + 1; i < segments.Length; i++)
        {
            Remove(_environment, Directory, segments[i], _config.FileDeleteDelayMs);
        }

        var files = new SegmentFiles(cutAt, 0, 0, !segment.TransactionIndex.IsEmpty) { HasTails = true };
        var shortened = new LogSegment(_environment, Directory, segment.BaseOffset, files);
        var recovery = new LogRecovery(_environment, _config, _epochs);
        var (_, end) = recovery.Scan(shortened, cutAt, offset, indexesUsable: false);
        _segments = [.. segments[..last], shortened];
        _environment.Files.FlushDirectory(Directory);
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
        ReloadProducers(end, SnapshotOffsets());
        var highWatermark = Math.Clamp(Offsets.HighWatermark, start, end);
        _producers.HighWatermarkMoved(highWatermark);
        PublishOffsets(start, highWatermark, end);

        // Last, for those who look without the lock: BeginFlush.
        Volatile.Write(ref _cuts, _cuts + 1);
    }
}
