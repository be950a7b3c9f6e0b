using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>What is refused because of single records, and how that is told (Kafka's LogValidator, KIP-467).</summary>
public sealed class RecordCheckTests
{
    private const long Hour = 3_600_000;
    private readonly TestDisk _disk = new();

    [Fact]
    public void Append_ToACompactedTopic_NamesTheRecordsWithoutKey()
    {
        using var log = _disk.Open(LogConfig.Default with { Compact = true });
        var append = Batches.AppendTo(log, Records(("a", 0), (null, 0), ("b", 0), (null, 0), (null, 0), (null, 0)));
        Assert.Equal((ErrorCode.InvalidRecord, 0L, -1L), (append.Error, append.LogStartOffset, append.BaseOffset));
        Assert.Equal([1, 3, 4, 5], append.RecordErrors!.Select(e => e.BatchIndex));
        Assert.All(append.RecordErrors!, e => Assert.Equal(
            "Compacted topic cannot accept message without key in topic partition topic-0", e.Message));
        Assert.StartsWith(
            "One or more records have been rejected due to 4 record errors in total, and only showing the first three " +
            "errors at most: [RecordError(batchIndex=1, ", append.ErrorMessage, StringComparison.Ordinal);
        Assert.DoesNotContain("batchIndex=5", append.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(0, log.Offsets.LogEnd);
    }

    [Fact]
    public void Append_WithBothKindsOfErrors_SpeaksOfTheTimes()
    {
        using var log = _disk.Open(LogConfig.Default with { Compact = true });
        var append = Batches.AppendTo(log, Records(("a", 0), (null, 2 * Hour), ("b", 2 * Hour)));
        Assert.Equal(
            (ErrorCode.InvalidTimestamp, "One or more records have been rejected due to invalid timestamp"),
            (append.Error, append.ErrorMessage));

        // A record is blamed once: for its key first.
        Assert.Equal([1, 2], append.RecordErrors!.Select(e => e.BatchIndex));
        Assert.Contains("without key", append.RecordErrors![0].Message, StringComparison.Ordinal);
        Assert.Equal(
            $"Timestamp {Batches.Epoch2026 + (2 * Hour)} of message with offset 2 is out of range. The timestamp should " +
            $"be within [{Batches.Epoch2026 - long.MaxValue}, {Batches.Epoch2026 + Hour}]",
            append.RecordErrors![1].Message);
    }

    [Theory]
    [InlineData(Hour, ErrorCode.None)]
    [InlineData(Hour + 1, ErrorCode.InvalidTimestamp)]
    [InlineData(-1000, ErrorCode.None)]
    [InlineData(-1001, ErrorCode.InvalidTimestamp)]
    public void Append_AtTheEdgeOfTheTimeWindow_IsJudgedToTheMillisecond(long distance, ErrorCode expected)
    {
        using var log = _disk.Open(LogConfig.Default with { TimestampBeforeMaxMs = 1000 });
        Assert.Equal(expected, Batches.AppendTo(log, Records(("a", distance))).Error);
    }

    [Theory]
    [InlineData(-1, ErrorCode.None)]
    [InlineData(-2, ErrorCode.InvalidTimestamp)]
    [InlineData(long.MinValue, ErrorCode.InvalidTimestamp)]
    public void Append_OfTimesBelowZero_TakesOnlyNone(long timestamp, ErrorCode expected)
    {
        using var log = _disk.Open(LogConfig.Default with { TimestampBeforeMaxMs = 1000 });
        var builder = new RecordBatchBuilder();
        builder.Add(timestamp, [1], [2]);
        Assert.Equal(expected, Batches.AppendTo(log, builder.Build().ToArray()).Error);
    }

    [Fact]
    public void Append_ToATopicWithProducersTimes_JudgesTheTimeThatABatchClaimsForAll()
    {
        using var log = _disk.Open();
        var batch = Records(("a", 0), ("b", 0));
        BinaryPrimitives.WriteInt16BigEndian(
            batch.AsSpan(RecordBatchHeader.AttributesAt), RecordBatchHeader.LogAppendTimeFlag);
        BinaryPrimitives.WriteInt64BigEndian(
            batch.AsSpan(RecordBatchHeader.MaxTimestampAt), Batches.Epoch2026 + (2 * Hour));
        RecordBatchHeader.Seal(batch);
        var append = Batches.AppendTo(log, batch);
        Assert.Equal((ErrorCode.InvalidTimestamp, 2), (append.Error, append.RecordErrors?.Count));
    }

    [Fact]
    public void Append_ToATopicWithLogAppendTime_TakesAnyTimeButNoClaim()
    {
        using var log = _disk.Open(LogConfig.Default with { TimestampType = TimestampType.LogAppendTime });
        Assert.Equal(ErrorCode.None, Batches.AppendTo(log, Records(("a", 100 * Hour))).Error);
        var batch = Records(("a", 0));
        BinaryPrimitives.WriteInt16BigEndian(
            batch.AsSpan(RecordBatchHeader.AttributesAt), RecordBatchHeader.LogAppendTimeFlag);
        RecordBatchHeader.Seal(batch);
        var append = Batches.AppendTo(log, batch);
        Assert.Equal(ErrorCode.InvalidTimestamp, append.Error);
        Assert.Contains(
            "Producer should not set timestamp type", append.RecordErrors!.Single().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_OfABatchThatComesTooLarge_IsRefusedEvenIfItWouldBeKeptSmall()
    {
        using var log = _disk.Open(LogConfig.Default with
        {
            MaxMessageBytes = 4000,
            Compression = CompressionCodec.Lz4,
        });
        Assert.Equal(ErrorCode.MessageTooLarge, Batches.AppendTo(log, Batches.Plain(valueSize: 4000)).Error);
        Assert.Equal(ErrorCode.None, Batches.AppendTo(log, Batches.Plain(valueSize: 3900)).Error);
        Assert.InRange(log.SizeBytes, 61, 200);
    }

    private static byte[] Records(params (string? Key, long Distance)[] records)
    {
        var builder = new RecordBatchBuilder();
        foreach (var (key, distance) in records)
        {
            builder.Add(Batches.Epoch2026 + distance, key is null ? null : System.Text.Encoding.UTF8.GetBytes(key), [1]);
        }

        return builder.Build().ToArray();
    }
}
