using System.Buffers;

namespace Orleans.Kafka.Storage;

/// <summary>Who hands batches to the log.</summary>
public enum AppendOrigin
{
    /// <summary>A producer: everything is checked; exactly one batch.</summary>
    Client,

    /// <summary>This broker itself: coordinators and transaction markers.</summary>
    Coordinator,

    /// <summary>A leader: offsets and epochs come with the batches and are kept.</summary>
    Replication,
}

/// <summary>An error of one record of a batch, as Produce v8 and later reports it.</summary>
/// <param name="BatchIndex">Which record of the batch, from 0.</param>
/// <param name="Message">Why.</param>
public readonly record struct RecordError(int BatchIndex, string? Message);

/// <summary>
/// One partition's records on their way into the log, and what became of them. The caller owns the object and may use
/// it again after <see cref="Reset"/>; the memory of <see cref="Records"/> is used only until the append returns, and
/// the log writes base offset, leader epoch (and for LogAppendTime time and CRC) into it.
/// </summary>
public sealed class LogAppend
{
    /// <summary>The batches. Where a topic asks for another codec, the log puts other memory in their place.</summary>
    public ReadOnlySequence<byte> Records
    {
        get;
        set
        {
            field = value;
            PreparedFor = null;
            IsRecompressed = false;
        }
    }

    /// <summary>The epoch of this leader; it is written into the batches (not for replication).</summary>
    public int LeaderEpoch { get; set; }

    /// <summary>Who wrote them.</summary>
    public AppendOrigin Origin { get; set; }

    /// <summary>Version of the Produce request: zstd needs 7. Only for clients.</summary>
    public short ProduceVersion { get; set; } = short.MaxValue;

    /// <summary>
    /// Version of the transaction protocol (KIP-890): 2 makes a transaction start at sequence 0, and a marker carry a
    /// raised epoch.
    /// </summary>
    public short TransactionVersion { get; set; }

    /// <summary>What came of it; <see cref="ErrorCode.None"/> also for a duplicate.</summary>
    public ErrorCode Error { get; internal set; }

    /// <summary>Kafka's text to the error, where it has one.</summary>
    public string? ErrorMessage { get; internal set; }

    /// <summary>Which records were wrong, where that is told.</summary>
    public List<RecordError>? RecordErrors { get; internal set; }

    /// <summary>Offset of the first record, -1 on error; of a duplicate the one it had the first time.</summary>
    public long BaseOffset { get; internal set; } = -1;

    /// <summary>Offset of the last record, -1 on error.</summary>
    public long LastOffset { get; internal set; } = -1;

    /// <summary>Append time (ms) for topics with LogAppendTime and for duplicates, else -1.</summary>
    public long LogAppendTimeMs { get; internal set; } = -1;

    /// <summary>Log start offset; -1 for errors found before the log was asked, as in Kafka.</summary>
    public long LogStartOffset { get; internal set; } = -1;

    /// <summary>The batch was here before: nothing was written.</summary>
    public bool IsDuplicate { get; internal set; }

    /// <summary>The settings under which its records have been checked and recompressed; null if they have not.</summary>
    internal LogConfig? PreparedFor { get; set; }

    /// <summary>The codec is not the producer's any more.</summary>
    internal bool IsRecompressed { get; set; }

    /// <summary>Makes it as new.</summary>
    public void Reset()
    {
        Records = default;
        LeaderEpoch = 0;
        Origin = AppendOrigin.Client;
        ProduceVersion = short.MaxValue;
        TransactionVersion = 0;
        ResetResult();
    }

    /// <summary>Gives it an outcome without the log: for a replica that does not lead, for example.</summary>
    public void Refuse(ErrorCode error) => Fail(error);

    internal void ResetResult()
    {
        Error = ErrorCode.None;
        ErrorMessage = null;
        RecordErrors = null;
        BaseOffset = -1;
        LastOffset = -1;
        LogAppendTimeMs = -1;
        LogStartOffset = -1;
        IsDuplicate = false;
    }

    internal bool Fail(ErrorCode error, string? message = null, long logStartOffset = -1)
    {
        Error = error;
        ErrorMessage = message;
        BaseOffset = -1;
        LastOffset = -1;
        LogAppendTimeMs = -1;
        LogStartOffset = logStartOffset;
        return false;
    }
}
