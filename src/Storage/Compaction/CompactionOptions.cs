namespace Orleans.Kafka.Storage;

/// <summary>What a round of cleaning may use: the broker settings <c>log.cleaner.*</c>. Immutable.</summary>
public sealed record CompactionOptions
{
    /// <summary>Kafka's defaults.</summary>
    public static CompactionOptions Default { get; } = new();

    /// <summary>
    /// <c>log.cleaner.dedupe.buffer.size</c> for this thread: bytes for the keys of one round, at 24 a key. With more
    /// keys than fit, the round cleans as far as it comes and the next one goes on from there.
    /// </summary>
    public long KeyMapBytes { get; init; } = 134_217_728;

    /// <summary><c>log.cleaner.io.buffer.load.factor</c>: how full the key map may get.</summary>
    public double KeyMapLoadFactor { get; init; } = 0.9;

    /// <summary><c>log.cleaner.io.buffer.size</c>: bytes read, and bytes written, at a time.</summary>
    public int IoBufferBytes { get; init; } = 524_288;

    /// <summary>Holds reads and writes up; null for nobody.</summary>
    public IoThrottle? Throttle { get; init; }
}

/// <summary>What came of a round of cleaning.</summary>
public enum CompactionOutcome
{
    /// <summary>It went through; what it left is durable.</summary>
    Cleaned,

    /// <summary>There is nothing to clean.</summary>
    Nothing,

    /// <summary>
    /// The log was truncated, closed or deleted meanwhile, another round runs, or the caller stopped it. What was
    /// swapped in until then stays; the log is as good as before.
    /// </summary>
    Aborted,

    /// <summary>The disk refused to take the cleaned files: nothing is lost, and it may be tried again later.</summary>
    DiskFailed,

    /// <summary>
    /// The log holds what must not be copied (a wrong CRC, bytes that do not unpack). It is not cleaned again before
    /// it is opened anew (<see cref="PartitionLog.UncleanableReason"/>).
    /// </summary>
    Uncleanable,
}

/// <summary>A round of cleaning in figures.</summary>
/// <param name="Outcome">What came of it.</param>
/// <param name="FirstDirtyOffset">Where it began to collect keys.</param>
/// <param name="CleanedTo">Where it ended: everything below has at most one record a key.</param>
/// <param name="BytesRead">Bytes of segments gone through when records were copied.</param>
/// <param name="BytesWritten">Bytes of the segments that came out.</param>
/// <param name="RecordsRead">Records gone through.</param>
/// <param name="RecordsKept">Records that came out.</param>
/// <param name="Keys">Keys in the map.</param>
public readonly record struct CompactionReport(
    CompactionOutcome Outcome,
    long FirstDirtyOffset,
    long CleanedTo,
    long BytesRead,
    long BytesWritten,
    long RecordsRead,
    long RecordsKept,
    int Keys);

/// <summary>How much of a log waits to be cleaned.</summary>
/// <param name="FirstDirtyOffset">Everything below was cleaned.</param>
/// <param name="FirstUncleanableOffset">
/// Where cleaning must stop: the first segment that is active, holds the last stable offset, or is too young
/// (<c>min.compaction.lag.ms</c>).
/// </param>
/// <param name="CleanBytes">Bytes below the first dirty offset.</param>
/// <param name="CleanableBytes">Bytes between the two.</param>
/// <param name="IsOverdue">A dirty record is older than <c>max.compaction.lag.ms</c>.</param>
public readonly record struct CleanableState(
    long FirstDirtyOffset, long FirstUncleanableOffset, long CleanBytes, long CleanableBytes, bool IsOverdue)
{
    /// <summary>Share of the cleanable bytes; 0 for a log without any.</summary>
    public double DirtyRatio => CleanableBytes == 0 ? 0 : (double)CleanableBytes / (CleanBytes + CleanableBytes);

    /// <summary>A round of cleaning is due under <c>min.cleanable.dirty.ratio</c> or because it is overdue.</summary>
    public bool IsDue(double minDirtyRatio) => CleanableBytes > 0 && (IsOverdue || DirtyRatio > minDirtyRatio);
}

/// <summary>Ends a round of cleaning from within.</summary>
internal sealed class CompactionStoppedException(CompactionOutcome outcome, string reason) : Exception(reason)
{
    public CompactionOutcome Outcome { get; } = outcome;
}
