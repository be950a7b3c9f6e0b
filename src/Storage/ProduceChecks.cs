using System.Buffers;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// What a client's batch must fulfil before it is appended, in Kafka's order and with its error codes. Everything
/// here costs the same for one record as for a million; what looks at each record is <see cref="RecordChecks"/>.
/// </summary>
internal static class ProduceChecks
{
    private const int ZstdCodec = 4;
    private const short FirstProduceVersionWithZstd = 7;

    /// <summary>Exactly one whole batch of format 2, and a codec that the request's version allows.</summary>
    /// <param name="append">The append; on failure it carries the error.</param>
    /// <param name="batch">The batch's header.</param>
    /// <param name="bytes">The batch's bytes: what may lie behind it is left out.</param>
    public static bool CheckShape(LogAppend append, out RecordBatchInfo batch, out ReadOnlySequence<byte> bytes)
    {
        var reader = new RecordBatchReader(append.Records);
        bytes = default;
        batch = default;
        if (!IsWholeBatch(append, ref reader, reader.Next(), isFirst: true))
        {
            return false;
        }

        batch = reader.Current;
        bytes = append.Records.Slice(0, reader.NextPosition);
        if (batch.Codec == ZstdCodec && append.ProduceVersion < FirstProduceVersionWithZstd && !append.IsRecompressed)
        {
            return append.Fail(ErrorCode.UnsupportedCompressionType);
        }

        if (bytes.Length == append.Records.Length)
        {
            return true;
        }

        // Bytes that cannot be a batch are ignored, unless they pretend to be one.
        return reader.Next() switch
        {
            RecordBatchStep.End => true,
            RecordBatchStep.BadLength or RecordBatchStep.BadMagic => IsWholeBatch(
                append, ref reader, RecordBatchStep.BadLength, isFirst: false),
            _ => append.Fail(ErrorCode.InvalidRecord),
        };
    }

    /// <summary>Size limits and the CRC.</summary>
    public static bool CheckBytes(
        LogAppend append, in RecordBatchInfo batch, in ReadOnlySequence<byte> bytes, LogConfig config, long logStart)
    {
        if (append.Origin == AppendOrigin.Client)
        {
            if (batch.RecordCount <= 0 && batch.LastOffsetDelta < 0)
            {
                return append.Fail(ErrorCode.InvalidRecord);
            }

            if (batch.BaseOffset != 0)
            {
                return append.Fail(ErrorCode.InvalidRecord, null, logStart);
            }
        }

        if (batch.Size > config.MaxMessageBytes)
        {
            return append.Fail(ErrorCode.MessageTooLarge);
        }

        // The broker's own batches got their CRC a moment ago, from this very memory.
        return append.Origin == AppendOrigin.Coordinator || RecordBatchHeader.HasValidCrc(bytes)
            || append.Fail(ErrorCode.CorruptMessage);
    }

    /// <summary>What the header says must agree with itself.</summary>
    public static bool CheckHeader(LogAppend append, in RecordBatchInfo batch, long logStart)
    {
        if (batch.Codec > ZstdCodec)
        {
            return append.Fail(ErrorCode.UnknownServerError, null, logStart);
        }

        if (batch.RecordCount <= 0
            || batch.LastOffsetDelta != batch.RecordCount - 1
            || (batch.HasProducerId && batch.BaseSequence < 0)
            || batch.IsControl)
        {
            return append.Fail(ErrorCode.InvalidRecord, null, logStart);
        }

        return true;
    }

    /// <summary>The first bytes behind the header are what codec and count promise.</summary>
    public static bool CheckFirstBytes(
        LogAppend append, in RecordBatchInfo batch, in ReadOnlySequence<byte> bytes, long logStart)
    {
        var records = bytes.Slice(RecordBatchHeader.Size);
        Span<byte> copy = stackalloc byte[16];
        scoped ReadOnlySpan<byte> first = records.FirstSpan;
        if (first.Length < copy.Length && !records.IsSingleSegment)
        {
            var length = (int)Math.Min(copy.Length, records.Length);
            records.Slice(0, length).CopyTo(copy);
            first = copy[..length];
        }

        if (batch.Codec != 0)
        {
            return CodecSignature.Fits(batch.Codec, first, records.Length)
                || append.Fail(ErrorCode.UnknownServerError, null, logStart);
        }

        // Each record takes at least 7 bytes, and the first one must not reach beyond the batch.
        var rest = first;
        var fits = (long)batch.RecordCount * RecordChecks.MinRecordSize <= records.Length
            && RecordVarint.TryRead(ref rest, out int size)
            && size >= RecordChecks.MinRecordSize - 1
            && first.Length - rest.Length + (long)size is var whole
            && (batch.RecordCount == 1 ? whole == records.Length : whole < records.Length);
        return fits || append.Fail(ErrorCode.InvalidRecord, null, logStart);
    }

    private static bool IsWholeBatch(
        LogAppend append, ref RecordBatchReader reader, RecordBatchStep step, bool isFirst) => step switch
        {
            RecordBatchStep.Batch => true,
            RecordBatchStep.BadMagic => append.Fail(
                ErrorCode.CorruptMessage, $"Invalid magic found in record: {reader.Magic}"),
            RecordBatchStep.BadLength when reader.LengthField < RecordBatchHeader.MinLengthAnyFormat => append.Fail(
                ErrorCode.CorruptMessage,
                $"Record size {reader.LengthField} is less than the minimum record overhead (14)"),
            RecordBatchStep.BadLength => append.Fail(ErrorCode.CorruptMessage),
            _ => append.Fail(isFirst ? ErrorCode.InvalidRecord : ErrorCode.CorruptMessage),
        };
}
