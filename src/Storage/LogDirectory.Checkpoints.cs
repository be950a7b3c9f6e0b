using System.Text;

namespace Orleans.Kafka.Storage;

/// <content>Checkpoints, flushing and closing.</content>
public sealed partial class LogDirectory
{
    private const int SharedFlushFrom = 8;

    // A log that failed and is opened again in the same process is not clean any more.
    private readonly HashSet<(string Topic, int Partition)> _openedOnce = [];
    private readonly HashSet<(string Topic, int Partition)> _wanted = [];
    private readonly HashSet<(string Topic, int Partition)> _closedCleanly = [];
    private readonly HashSet<(string Topic, int Partition)> _lostFlushes = [];

    // What recovery reads is on disk.
    private bool _isFlushed;

    // The checkpoints on disk still speak of a log that is gone.
    private readonly HashSet<(string Topic, int Partition)> _staleCheckpoints = [];
    private readonly List<IFile> _flushedFiles = [];
    private readonly List<PartitionLog> _flushedWhole = [];
    private IOException?[] _flushFailures = [];

    /// <summary>
    /// Flushes the logs that ask for it: rolled segments, <c>flush.messages</c>, <c>flush.ms</c>. For a periodic call on
    /// a thread that may block.
    /// </summary>
    /// <returns>How many were flushed.</returns>
    public int FlushDue()
    {
        var due = Logs.Where(l => !l.IsFailed && l.IsFlushDue).ToList();
        return Flush(due);
    }

    /// <summary>
    /// Flushes many logs. From a handful on they share one flush of the file system: 64 logs flushed one by one take
    /// more than ten times as long.
    /// </summary>
    /// <returns>How many were flushed; the others have failed.</returns>
    public int Flush(IReadOnlyList<PartitionLog> logs)
    {
        if (logs.Count < SharedFlushFrom)
        {
            return logs.Count(l => l.Flush());
        }

        var targets = logs.Select(l => l.PrepareSharedFlush()).ToList();
        IOException? failure = null;
        try
        {
            var began = _environment.Instruments?.FlushBegins() ?? 0;
            if (!_environment.Files.TryFlushAll(Path))
            {
                for (var i = 0; i < logs.Count; i++)
                {
                    logs[i].AbandonSharedFlush(targets[i]);
                }

                return logs.Count(l => l.Flush());
            }

            _environment.Instruments?.FlushEnded(began, LogInstruments.FileSystem);
        }
        catch (IOException e)
        {
            failure = e;
        }

        for (var i = 0; i < logs.Count; i++)
        {
            logs[i].CompleteSharedFlush(targets[i], failure);
        }

        if (failure is not null)
        {
            LoseFlushOfAll(except: logs, failure);
        }

        return logs.Count(l => !l.IsFailed);
    }

    // A flush of the file system that fails takes the pages of every log along, whoever asked for it.
    private void LoseFlushOfAll(IReadOnlyList<PartitionLog> except, IOException failure)
    {
        foreach (var log in Logs.Except(except).Where(l => !l.IsClosed || l.IsFailed))
        {
            log.CompleteSharedFlush(null, failure);
        }
    }

    /// <summary>
    /// One flush for many logs: of each what <see cref="PartitionLog.BeginFlush"/> found. Blocks until it is over;
    /// <see cref="PartitionLog.EndFlush"/> tells each log what came of it. One call at a time.
    /// </summary>
    public void FlushTogether(IReadOnlyList<LogFlush> flushes)
    {
        _flushedFiles.Clear();
        for (var i = 0; i < flushes.Count; i++)
        {
            var flush = flushes[i];
            if (flush.File is { } file)
            {
                _flushedFiles.Add(file);
            }
            else if (flush.IsWhole)
            {
                _flushedWhole.Add(flush.Log!);
            }
        }

        if (_flushedFiles.Count > _flushFailures.Length)
        {
            _flushFailures = new IOException?[_flushedFiles.Count * 2];
        }

        if (_flushedFiles.Count > 0)
        {
            var began = _environment.Instruments?.FlushBegins() ?? 0;
            _environment.Files.FlushTogether(_flushedFiles, _flushFailures);
            _environment.Instruments?.FlushEnded(began, LogInstruments.Group);
        }

        var next = 0;
        for (var i = 0; i < flushes.Count; i++)
        {
            if (flushes[i].File is not null)
            {
                flushes[i].Failure = _flushFailures[next++];
            }
        }

        if (_flushedWhole.Count > 0)
        {
            Flush(_flushedWhole);
            _flushedWhole.Clear();
        }
    }

    /// <summary>
    /// Writes recovery points, log starts and high watermarks of all logs, then removes the segments below the log
    /// starts. For a periodic call, and after DeleteRecords if its effect must survive a crash at once. Durable on
    /// return.
    /// </summary>
    /// <exception cref="IOException">The disk fails; the old checkpoints stay.</exception>
    public void WriteCheckpoints()
    {
        lock (_checkpointGate)
        {
            PartitionLog[] logs;
            (string Topic, int Partition)[] stale;
            lock (_gate)
            {
                logs = [.. _logs.Values];
                stale = [.. _staleCheckpoints];
                foreach (var (key, log) in _logs)
                {
                    _recoveryPoints[key] = log.RecoveryPoint;
                    _highWatermarks[key] = log.Offsets.HighWatermark;
                    if (log.CleanerCheckpoint >= 0)
                    {
                        _cleanerOffsets[key] = log.CleanerCheckpoint;
                    }

                    if (log.Offsets.LogStart > 0)
                    {
                        _logStarts[key] = log.Offsets.LogStart;
                    }
                    else
                    {
                        _logStarts.Remove(key);
                    }
                }
            }

            Write(CheckpointFile.RecoveryPoints, _recoveryPoints);
            Write(CheckpointFile.LogStarts, _logStarts);
            Write(CheckpointFile.HighWatermarks, _highWatermarks);
            if (_cleanerOffsets.Count > 0 || _environment.Files.FileExists(InDirectory(CheckpointFile.CleanerOffsets)))
            {
                Write(CheckpointFile.CleanerOffsets, _cleanerOffsets);
            }

            _environment.Files.FlushDirectory(Path);
            lock (_gate)
            {
                _staleCheckpoints.ExceptWith(stale);
            }

            foreach (var log in logs)
            {
                log.RemoveDeletedSegments();
            }
        }
    }

    /// <summary>The log is gone; what the checkpoints on disk say of it holds for no other of its name.</summary>
    private void ForgetCheckpoints((string Topic, int Partition) key)
    {
        if (_recoveryPoints.Remove(key) | _logStarts.Remove(key) | _highWatermarks.Remove(key) | _cleanerOffsets.Remove(key))
        {
            _staleCheckpoints.Add(key);
        }
    }

    /// <summary>
    /// Before a log of that name takes records: a crash would have it begin where another one did, and throw away what
    /// lies below. Written once for all that went since the last time, however many they are.
    /// </summary>
    private void WithdrawCheckpoints((string Topic, int Partition) key)
    {
        bool isStale;
        lock (_gate)
        {
            isStale = _staleCheckpoints.Contains(key);
        }

        if (isStale)
        {
            WriteCheckpoints();
        }
    }

    /// <summary>
    /// Closes all logs, writes the checkpoints and, if every log could be closed properly, the marker of a clean
    /// shutdown.
    /// </summary>
    /// <returns>False if the next opening has to recover something.</returns>
    public bool Close()
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return true;
            }

            _isClosed = true;
        }

        var logs = Logs;
        var open = logs.Where(l => !l.IsClosed && l.SealForClose()).ToList();
        Flush(open);
        foreach (var log in open)
        {
            log.IsClosedCleanly = !log.IsFailed;
            log.Dispose();
        }

        var isClean = logs.All(l => l.IsClosedCleanly) && IsEveryLogKnown();
        foreach (var log in logs)
        {
            log.Dispose();
        }

        try
        {
            WriteCheckpoints();
            if (isClean)
            {
                _environment.Files.Replace(
                    InDirectory(CleanMarker), Encoding.ASCII.GetBytes("{\"version\":0,\"brokerEpoch\":-1}"));
            }
        }
        catch (IOException e)
        {
            _environment.Notice(StorageNoticeKind.Failed, Path, e.Message);
            isClean = false;
        }

        _lock.Dispose();
        return isClean;
    }

    /// <summary>
    /// False if a log that was asked for is not known to be sound: it was not opened after an unclean stop, or failed and was
    /// not opened again. The mark of a clean shutdown would have the next opening trust it. What nobody asks for is no log
    /// of this broker.
    /// </summary>
    private bool IsEveryLogKnown()
    {
        lock (_gate)
        {
            return _openedOnce.Union(_wanted).All(
                key => _logs.ContainsKey(key) || !_environment.Files.DirectoryExists(DirectoryOf(key.Topic, key.Partition)));
        }
    }

    /// <summary>Lets go of everything and writes nothing: as if the process had died.</summary>
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

        foreach (var log in Logs)
        {
            log.Dispose();
        }

        _lock.Dispose();
    }

    private void Write(string name, Dictionary<(string Topic, int Partition), long> values)
    {
        List<(string Topic, int Partition, long Offset)> entries;
        lock (_gate)
        {
            entries = [.. values.Select(v => (v.Key.Topic, v.Key.Partition, v.Value))];
        }

        CheckpointFile.Write(_environment, InDirectory(name), entries);
    }

    private void Forget((string Topic, int Partition) key, PartitionLog log)
    {
        _recoveryPoints[key] = log.RecoveryPoint;
        _highWatermarks[key] = log.Offsets.HighWatermark;
        _logStarts[key] = log.Offsets.LogStart;
        if (log.CleanerCheckpoint >= 0)
        {
            _cleanerOffsets[key] = log.CleanerCheckpoint;
        }

        _logs.Remove(key);
        if (log.HasLostFlush)
        {
            _lostFlushes.Add(key);
        }

        if (log.IsClosedCleanly)
        {
            _closedCleanly.Add(key);
        }

        log.Dispose();
    }
}
