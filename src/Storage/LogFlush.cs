namespace Orleans.Kafka.Storage;

/// <summary>
/// The part of one log in a flush that many logs share: what it covers, and what became of it. The owner uses the same
/// object for one flush after the other: <see cref="PartitionLog.BeginFlush"/>, then
/// <see cref="LogDirectory.FlushTogether"/>, then <see cref="PartitionLog.EndFlush"/>.
/// </summary>
public sealed class LogFlush
{
    internal PartitionLog? Log { get; set; }

    /// <summary>What is on disk when the flush succeeds.</summary>
    internal FlushTarget Target { get; set; }

    /// <summary>The one file that has to be flushed, pinned; null if there is nothing to do or more than that.</summary>
    internal IFile? File { get; set; }

    internal SegmentFile? Pinned { get; set; }

    /// <summary>Names, epochs or older segments are not durable either: the log flushes all of it itself.</summary>
    internal bool IsWhole { get; set; }

    internal IOException? Failure { get; set; }

    /// <summary>The flush did not come about: the log counts as failed when it ends.</summary>
    public void Fail(Exception cause) => Failure = cause as IOException ?? new IOException(cause.Message, cause);
}

/// <summary>What a flush covers.</summary>
/// <param name="Offset">Everything below it.</param>
/// <param name="Cuts">Truncations before: after another one the offset means nothing.</param>
internal readonly record struct FlushTarget(long Offset, int Cuts);
