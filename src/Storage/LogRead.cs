namespace Orleans.Kafka.Storage;

/// <summary>
/// A range of a segment's file, given out to be sent. The file stays open and in place until <see cref="Release"/>,
/// which must be called exactly once, also for empty and failed reads.
/// </summary>
public readonly struct LogRead
{
    private readonly SegmentFile? _pinned;

    internal LogRead(ErrorCode error)
    {
        Error = error;
    }

    internal LogRead(SegmentFile pinned, IFile file, long position, int length)
    {
        _pinned = pinned;
        File = file;
        Position = position;
        Length = length;
    }

    /// <summary>None, OffsetOutOfRange or KafkaStorageError.</summary>
    public ErrorCode Error { get; }

    /// <summary>The file; null if there is nothing to read.</summary>
    public IFile? File { get; }

    /// <summary>Where the first batch begins. It holds the offset asked for, and may begin below it.</summary>
    public long Position { get; }

    /// <summary>Bytes; the last batch may be cut, as Kafka does and clients expect. 0: nothing to read.</summary>
    public int Length { get; }

    /// <summary>Aborted transactions in the range; null unless asked for.</summary>
    public IReadOnlyList<AbortedTransaction>? AbortedTransactions { get; internal init; }

    /// <summary>Copies the bytes, for connections that cannot send from a file.</summary>
    /// <returns>Bytes copied.</returns>
    public int CopyTo(Span<byte> target) => File?.Read(target[..Math.Min(target.Length, Length)], Position) ?? 0;

    /// <summary>Gives the file back.</summary>
    public void Release() => _pinned?.Unpin();
}

/// <summary>An offset found by time.</summary>
/// <param name="TimestampMs">Timestamp of the record there; -1 where the question was not about time.</param>
/// <param name="Offset">The offset; -1 if there is none.</param>
/// <param name="LeaderEpoch">Epoch of the leader that wrote it, -1 if unknown.</param>
public readonly record struct OffsetLookup(long TimestampMs, long Offset, int LeaderEpoch)
{
    /// <summary>Nothing found.</summary>
    public static OffsetLookup None { get; } = new(-1, -1, -1);
}
