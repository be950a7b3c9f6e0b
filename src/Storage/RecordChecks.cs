using System.Buffers;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Checks that look at every record: keys in compacted topics, timestamps out of bounds (to name the records), and
/// everything when a topic asks for it. Kafka does this for every batch; here only where it is needed.
/// </summary>
internal static class RecordChecks
{
    /// <summary>Length, attributes, two deltas, two lengths, header count: a byte each.</summary>
    public const int MinRecordSize = 7;

    /// <summary>Most bytes a batch may unpack to when its records must be seen.</summary>
    public const int MaxUncompressedBytes = 256 << 20;

    private const int ErrorsNamed = 3;
    private const string BadTimestamp = "One or more records have been rejected due to invalid timestamp";

    /// <summary>True if the header cannot vouch for the records.</summary>
    public static bool AreNeeded(in RecordBatchInfo batch, LogConfig config, long nowMs) =>
        config.Compact
        || config.Validation == RecordValidation.Full
        || (config.TimestampType == TimestampType.LogAppendTime
            ? batch.IsLogAppendTime
            : config.TimestampBeforeMaxMs != long.MaxValue
                || batch.MaxTimestamp > Plus(nowMs, config.TimestampAfterMaxMs));

    /// <summary>Checks every record; on failure the append carries error, text and record errors.</summary>
    public static bool Check(
        LogAppend append,
        in RecordBatchInfo batch,
        in ReadOnlySequence<byte> bytes,
        in RecordCheckContext context)
    {
        var records = bytes.Slice(RecordBatchHeader.Size);
        if (batch.Codec != 0)
        {
            return CheckCompressed(append, batch, records, context);
        }

        if (records.IsSingleSegment)
        {
            return CheckEach(append, batch, records.FirstSpan, context);
        }

        var copy = ArrayPool<byte>.Shared.Rent((int)records.Length);
        records.CopyTo(copy);
        var result = CheckEach(append, batch, copy.AsSpan(0, (int)records.Length), context);
        ArrayPool<byte>.Shared.Return(copy);
        return result;
    }

    private static bool CheckCompressed(
        LogAppend append, in RecordBatchInfo batch, in ReadOnlySequence<byte> records, in RecordCheckContext context)
    {
        if (context.Decompress is null)
        {
            return true;
        }

        var unpacked = new ArrayBufferWriter<byte>();
        return context.Decompress(batch.Codec, records, MaxUncompressedBytes, unpacked)
            ? CheckEach(append, batch, unpacked.WrittenSpan, context)
            : append.Fail(ErrorCode.UnknownServerError, null, context.LogStart);
    }

    private static bool CheckEach(
        LogAppend append, in RecordBatchInfo batch, ReadOnlySpan<byte> records, in RecordCheckContext context)
    {
        var config = context.Config;
        List<RecordError>? errors = null;
        var isTime = false;
        var reader = new RecordReader(batch, records);
        while (reader.Next())
        {
            if (reader.OffsetDelta != reader.Index)
            {
                return append.Fail(ErrorCode.InvalidRecord, null, context.LogStart);
            }

            if (config.Compact && reader.KeyIsNull)
            {
                (errors ??= []).Add(new RecordError(
                    reader.Index,
                    $"Compacted topic cannot accept message without key in topic partition {context.Name}"));
            }
            else if (TimestampError(reader, batch, config, context.NowMs) is { } text)
            {
                isTime = true;
                (errors ??= []).Add(new RecordError(reader.Index, text));
            }
        }

        if (reader.Failed || reader.BytesLeft > 0)
        {
            return append.Fail(ErrorCode.InvalidRecord, null, context.LogStart);
        }

        return errors is null || Reject(append, errors, isTime, context.LogStart);
    }

    // The differences may overflow, as they do in Kafka: times that far away are refused on both sides.
    private static string? TimestampError(in RecordReader reader, in RecordBatchInfo batch, LogConfig config, long now)
    {
        var timestamp = reader.Timestamp;
        var (before, after) = (config.TimestampBeforeMaxMs, config.TimestampAfterMaxMs);
        if (config.TimestampType == TimestampType.CreateTime && timestamp != -1)
        {
            return now - timestamp <= before && timestamp - now <= after
                ? null
                : $"Timestamp {timestamp} of message with offset {reader.Offset} is out of range. The timestamp " +
                    $"should be within [{now - before}, {now + after}]";
        }

        return !batch.IsLogAppendTime
            ? null
            : $"Invalid timestamp type in message DefaultRecord(offset={reader.Offset}, timestamp={timestamp}, " +
                $"key={reader.Key.Length} bytes, value={reader.Value.Length} bytes). Producer should not set " +
                "timestamp type to LogAppendTime.";
    }

    private static bool Reject(LogAppend append, List<RecordError> errors, bool isTime, long logStart)
    {
        append.RecordErrors = errors;
        if (isTime)
        {
            return append.Fail(ErrorCode.InvalidTimestamp, BadTimestamp, logStart);
        }

        var named = string.Join(
            ", ",
            errors.Take(ErrorsNamed).Select(e => $"RecordError(batchIndex={e.BatchIndex}, message='{e.Message}')"));
        return append.Fail(
            ErrorCode.InvalidRecord,
            $"One or more records have been rejected due to {errors.Count} record errors in total, and only showing " +
            $"the first three errors at most: [{named}]",
            logStart);
    }

    private static long Plus(long time, long duration) => duration > long.MaxValue - time ? long.MaxValue : time + duration;
}

/// <summary>What the checks of records need to know.</summary>
internal readonly record struct RecordCheckContext(
    LogConfig Config, string Name, long NowMs, long LogStart, RecordDecompressor? Decompress);
