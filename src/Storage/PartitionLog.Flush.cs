namespace Orleans.Kafka.Storage;

/// <content>Flushing and closing.</content>
public sealed partial class PartitionLog
{
    private readonly Lock _flushGate = new();

    // Truncations so far. Whoever notes it before an offset and finds it unchanged afterwards, under the lock, knows
    // that the offset is still that of the same record.
    private int _cuts;

    // Flushes under way that took it upon them to make names and epochs durable: until they are over, nobody may take
    // those for durable.
    private int _nameFlushes;

    /// <summary>
    /// Makes everything appended so far durable, names included, and moves the recovery point there. Appends and reads
    /// go on meanwhile. A flush that fails ends the log: what the disk dropped once, no second flush brings back.
    /// </summary>
    /// <returns>False if the log has failed.</returns>
    public bool Flush()
    {
        lock (_flushGate)
        {
            FlushTarget target;
            DirtyFiles dirty;
            lock (_gate)
            {
                if (_isFailed || _isClosed)
                {
                    return false;
                }

                target = new FlushTarget(Offsets.LogEnd, _cuts);
                if (IsClean)
                {
                    return true;
                }

                if (Volatile.Read(ref _nameFlushes) > 0)
                {
                    // Somebody has taken names and epochs upon him, and may fail.
                    _isDirectoryDirty = true;
                    _epochs.MarkDirty();
                }

                dirty = TakeDirty() with { Snapshots = _unflushedSnapshots };
                _unflushedSnapshots = null;
            }

            var isFlushed = PersistSmallFiles(dirty, flush: true) && FlushFiles(dirty);
            if (isFlushed)
            {
                MoveRecoveryPoint(target);
            }

            Interlocked.Decrement(ref _nameFlushes);
            return isFlushed;
        }
    }

    /// <summary>
    /// First half of a flush shared by many logs: everything goes to the files, nothing is flushed.
    /// </summary>
    /// <returns>What the shared flush will cover of the log; null if the log has failed.</returns>
    internal FlushTarget? PrepareSharedFlush()
    {
        lock (_flushGate)
        {
            FlushTarget target;
            DirtyFiles dirty;
            lock (_gate)
            {
                if (_isFailed || _isClosed)
                {
                    return null;
                }

                target = new FlushTarget(Offsets.LogEnd, _cuts);
                if (IsClean)
                {
                    Interlocked.Increment(ref _nameFlushes);
                    return target;
                }

                dirty = TakeDirty();
            }

            return PersistSmallFiles(dirty, flush: false) ? target : null;
        }
    }

    /// <summary>There is no shared flush: what was prepared still has to be flushed, by the log itself.</summary>
    internal void AbandonSharedFlush(FlushTarget? target)
    {
        if (target is not null)
        {
            lock (_gate)
            {
                _isDirectoryDirty = true;
                _epochs.MarkDirty();
                Interlocked.Decrement(ref _nameFlushes);
            }
        }
    }

    /// <summary>Second half: the shared flush has succeeded, or failed.</summary>
    internal void CompleteSharedFlush(FlushTarget? target, IOException? failure)
    {
        if (failure is not null)
        {
            LoseFlush(failure);
        }
        else if (target is { } covered)
        {
            MoveRecoveryPoint(covered);
        }

        if (target is not null)
        {
            Interlocked.Decrement(ref _nameFlushes);
        }
    }

    /// <summary>
    /// Flushes, writes the producer snapshot, trims the indexes and closes all files: what a clean shutdown needs.
    /// </summary>
    /// <returns>False if something of that failed: the next opening must recover.</returns>
    public bool Close()
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return IsClosedCleanly;
            }
        }

        IsClosedCleanly = SealForClose() && Flush();
        Dispose();
        return IsClosedCleanly;
    }

    /// <summary>Closes the files and nothing else: as if the process had died.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
        }

        WaitForCompaction();
        lock (_gate)
        {
            foreach (var segment in _segments)
            {
                segment.Retire(() => { });
            }
        }
    }

    /// <summary>Closes without writing, renames the directory and has it removed when no reader is left.</summary>
    internal void CloseForDeletion(string target)
    {
        bool isNew;
        lock (_gate)
        {
            isNew = !_isClosed;
            _isClosed = true;
        }

        WaitForCompaction();
        lock (_flushGate)
        {
            lock (_gate)
            {
                _environment.Files.RenameDirectory(Directory, target);
                Directory = target;
                var left = _segments.Length;
                foreach (var segment in isNew ? _segments : [])
                {
                    segment.Retire(() =>
                    {
                        if (Interlocked.Decrement(ref left) == 0)
                        {
                            _environment.Deletions.Add(
                                target, isDirectory: true, _environment.NowMs + _config.FileDeleteDelayMs);
                        }
                    });
                }
            }
        }
    }

    /// <summary>Writes what a clean shutdown leaves behind; not flushed.</summary>
    internal bool SealForClose()
    {
        lock (_gate)
        {
            if (_isFailed || _isClosed)
            {
                return false;
            }

            try
            {
                if (Active.Size > 0)
                {
                    Active.Seal();
                    Active.OffsetIndex.Trim();
                    Active.TimeIndex.Trim();
                }

                if (Offsets.LogEnd > 0)
                {
                    WriteProducerSnapshot(Offsets.LogEnd);
                }

                // The files just written must be durable before the marker says so.
                _isDirectoryDirty = true;
                return true;
            }
            catch (IOException e)
            {
                Poison(Directory, e);
                return false;
            }
        }
    }

    private bool IsClean => Offsets.LogEnd <= _recoveryPoint && !_isDirectoryDirty && !_epochs.IsDirty
        && Volatile.Read(ref _nameFlushes) == 0;

    /// <summary>Takes upon itself everything that is not durable; until that is over, <see cref="_nameFlushes"/> says so.</summary>
    private DirtyFiles TakeDirty()
    {
        Interlocked.Increment(ref _nameFlushes);
        var dirty = new DirtyFiles(DirtySegments(), Active, _isDirectoryDirty, _epochs.TakeChanged());
        _isDirectoryDirty = false;
        return dirty;
    }

    // Segments below the log start count as well while they are there: a recovery goes through them first, and if
    // it found their end missing it would cut off all that follows.
    private LogSegment[] DirtySegments() =>
    [
        .. _recoveryPoint < _segments[0].BaseOffset ? _doomed ?? [] : [],
        .. _segments.Where((s, i) => i == _segments.Length - 1
            || _segments[i + 1].BaseOffset > _recoveryPoint || s.HasUnflushedIndexes),
    ];

    /// <summary>Without the lock of the appends: only flushes and truncations have to do with these files.</summary>
    private bool PersistSmallFiles(in DirtyFiles dirty, bool flush)
    {
        try
        {
            // The active segment's indexes stay in memory: they go to their files when it is sealed, and
            // until then a recovery makes them anew.
            foreach (var segment in dirty.Segments)
            {
                if (segment != dirty.Active)
                {
                    segment.PersistIndexes();
                }
            }

            var path = Path.Join(Directory, LogFileName.LeaderEpochs);
            if (dirty.Epochs is not null && flush)
            {
                _environment.Files.ReplaceWithoutDirectoryFlush(path, dirty.Epochs);
            }
            else if (dirty.Epochs is not null)
            {
                _environment.Files.WriteUnflushed(path + ".tmp", dirty.Epochs);
                _environment.Files.RenameFile(path + ".tmp", path);
            }

            return true;
        }
        catch (IOException e)
        {
            Poison(Directory, e);
            return false;
        }
    }

    private bool FlushFiles(in DirtyFiles dirty)
    {
        try
        {
            foreach (var segment in dirty.Segments)
            {
                // A segment that was never written has no file; one that was removed needs no flush.
                if (segment.Size == 0 || segment.File.Pin() is not { } file)
                {
                    continue;
                }

                try
                {
                    var began = _environment.Instruments?.FlushBegins() ?? 0;
                    file.Flush();
                    segment.FlushIndexes();
                    _environment.Instruments?.FlushEnded(began, LogInstruments.Segment);
                }
                finally
                {
                    segment.File.Unpin();
                }
            }

            if (dirty.Names)
            {
                dirty.Snapshots?.ForEach(s => FlushFile(LogFileName.PathOf(Directory, s, LogFileName.Snapshot)));
                FlushMetadata();
                _environment.Files.FlushDirectory(Path.GetDirectoryName(Directory)!);
            }

            if (dirty.Names || dirty.Epochs is not null)
            {
                _environment.Files.FlushDirectory(Directory);
            }

            return true;
        }
        catch (IOException e)
        {
            LoseFlush(e);
            return false;
        }
    }

    private void LoseFlush(IOException cause)
    {
        HasLostFlush = true;
        try
        {
            // For the next process: it finds in the page cache what the disk does not have.
            _environment.Files.WriteUnflushed(Path.Join(Directory, LogFileName.LostFlush), []);
        }
        catch (IOException e)
        {
            _environment.Notice(StorageNoticeKind.Failed, Directory, e.Message);
        }

        Poison(Directory, cause);
    }

    /// <summary>From the first flush on there are records, and without this file they would belong to nobody.</summary>
    private void FlushMetadata()
    {
        FlushFile(Path.Join(Directory, LogFileName.PartitionMetadata));
    }

    private void FlushFile(string path)
    {
        try
        {
            using var file = _environment.Files.Open(path, FileOpen.ReadWrite);
            file.Flush();
        }
        catch (FileNotFoundException)
        {
            // Gone with its segment, or never made.
        }
    }

    /// <summary>
    /// Everything below the target is on disk. Not after a truncation: the offsets may have been written anew, behind
    /// the flush. That is looked at under the lock, where no truncation passes.
    /// </summary>
    private void MoveRecoveryPoint(FlushTarget target)
    {
        lock (_gate)
        {
            if (target.Cuts != _cuts || _isFailed)
            {
                return;
            }

            Volatile.Write(ref _recoveryPoint, Math.Max(_recoveryPoint, target.Offset));
            _recordsSinceFlush = Offsets.LogEnd - target.Offset;
            _lastFlushMs = _environment.NowMs;
        }
    }

    private readonly record struct DirtyFiles(LogSegment[] Segments, LogSegment Active, bool Names, byte[]? Epochs)
    {
        public List<long>? Snapshots { get; init; }
    }
}
