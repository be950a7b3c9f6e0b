using System.Buffers;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <content>What an append needs beforehand.</content>
public sealed partial class PartitionLog
{
    /// <summary>
    /// Does for an append what takes long and needs no lock: looks at its records one by one where the topic demands it,
    /// and recompresses them (<c>compression.type</c>). To be called on the thread of whoever brings the batch, before
    /// <see cref="Append(LogAppend)"/>, which does it itself otherwise while others wait. What is wrong with the batch is
    /// told by the append. Costs nothing for topics that keep batches as they come.
    /// </summary>
    public void Prepare(LogAppend append)
    {
        var config = _config;
        if (append.Origin != AppendOrigin.Client
            || (config is { Compression: null, Compact: false, Validation: RecordValidation.Header }
                && config.TimestampBeforeMaxMs == long.MaxValue))
        {
            return;
        }

        var logStart = Offsets.LogStart;
        if (ProduceChecks.CheckShape(append, out var batch, out var bytes)
            && ProduceChecks.CheckBytes(append, batch, bytes, config, logStart)
            && ProduceChecks.CheckHeader(append, batch, logStart)
            && ProduceChecks.CheckFirstBytes(append, batch, bytes, logStart))
        {
            PrepareRecords(append, batch, bytes, config, _environment.NowMs);
        }
    }

    /// <summary>Checks the records, and recompresses them, unless that was done or need not be done.</summary>
    private bool PrepareRecords(
        LogAppend append, in RecordBatchInfo batch, in ReadOnlySequence<byte> bytes, LogConfig config, long nowMs)
    {
        if (ReferenceEquals(append.PreparedFor, config))
        {
            return true;
        }

        var mustRecompress = Recompression.IsNeeded(batch, config);
        if (!mustRecompress && !RecordChecks.AreNeeded(batch, config, nowMs))
        {
            return true;
        }

        var logStart = Offsets.LogStart;
        var context = new RecordCheckContext(config, Name, nowMs, logStart, _environment.Decompress);
        if (!RecordChecks.Check(append, batch, bytes, context))
        {
            return false;
        }

        if (mustRecompress && !Recompression.TryApply(append, batch, bytes, config))
        {
            return append.Fail(ErrorCode.UnknownServerError, null, logStart);
        }

        append.PreparedFor = config;
        return true;
    }
}
