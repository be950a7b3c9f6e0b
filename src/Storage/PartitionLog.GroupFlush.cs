namespace Orleans.Kafka.Storage;

/// <content>
/// Flushing together with other logs, for acknowledgements that mean "on disk" (<see cref="LogConfig.FlushBeforeAck"/>).
/// </content>
public sealed partial class PartitionLog
{
    /// <summary>
    /// Notes what a shared flush has to cover: everything appended so far. Takes no lock, so that it never waits for a
    /// write; any thread, but one flush of a log at a time. <see cref="EndFlush"/> must follow.
    /// </summary>
    public void BeginFlush(LogFlush flush)
    {
        flush.Log = this;
        flush.Failure = null;
        flush.IsWhole = false;

        // In this order: a truncation sets the new end first and counts itself then, so that an old end never stands
        // beside a new count. An append sets the end last: whatever belongs to the bytes below it - a new name, a new
        // epoch, a new segment - is seen here as well.
        var cuts = Volatile.Read(ref _cuts);
        flush.Target = new FlushTarget(Offsets.LogEnd, cuts);
        if (_isFailed || _isClosed || flush.Target.Offset <= RecoveryPoint)
        {
            return;
        }

        var active = _segments[^1];
        if (RecoveryPoint < active.BaseOffset || Volatile.Read(ref _isDirectoryDirty) || _epochs.IsDirty
            || Volatile.Read(ref _nameFlushes) > 0 || _environment.OpenFiles.IsCrowded)
        {
            flush.IsWhole = true;
            return;
        }

        try
        {
            flush.File = active.File.Pin();
            flush.Pinned = flush.File is null ? null : active.File;
        }
        catch (IOException e)
        {
            flush.Failure = e;
        }
    }

    /// <summary>
    /// The shared flush is over: moves the recovery point, or ends the log if its flush failed. For the log's writer.
    /// </summary>
    public void EndFlush(LogFlush flush)
    {
        var isFlushed = flush.File is not null;
        flush.Pinned?.Unpin();
        flush.Pinned = null;
        flush.File = null;
        if (flush.Failure is { } failure)
        {
            LoseFlush(failure);
        }
        else if (isFlushed)
        {
            MoveRecoveryPoint(flush.Target);
        }
    }
}
