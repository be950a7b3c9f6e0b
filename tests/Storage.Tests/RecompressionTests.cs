using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage.Tests.Compaction;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>compression.type other than producer, and what other append settings demand of records.</summary>
public sealed class RecompressionTests
{
    private const long Now = Batches.Epoch2026;
    private readonly TestDisk _disk = new();

    public static TheoryData<CompressionCodec, CompressionCodec, bool> Codecs()
    {
        var data = new TheoryData<CompressionCodec, CompressionCodec, bool>();
        foreach (var from in Enum.GetValues<CompressionCodec>())
        {
            foreach (var to in Enum.GetValues<CompressionCodec>())
            {
                data.Add(from, to, ((int)from + (int)to) % 2 == 0);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Append_ToATopicWithACodec_KeepsAllButTheCodec(CompressionCodec from, CompressionCodec to, bool prepared)
    {
        using var log = _disk.Open(LogConfig.Default with { Compression = to });
        Batches.MustAppend(log, Batches.Plain(2));
        var plain = Batches.Idempotent(7, 1, 5, count: 4, timestamp: Now);
        var sent = KeyedHistory.Compress(plain, from);
        var append = Batches.Of(sent, epoch: 3);
        append.ProduceVersion = from == CompressionCodec.Zstd ? (short)7 : (short)3;
        if (prepared)
        {
            log.Prepare(append);
        }

        log.Append(append);
        Assert.Equal((ErrorCode.None, 2L, 5L), (append.Error, append.BaseOffset, append.LastOffset));
        var stored = Batches.ReadAll(log)[^1];
        var (was, now) = (new RecordBatchInfo(plain), new RecordBatchInfo(stored));
        Assert.Equal((int)to, now.Codec);
        Assert.Equal(
            (2L, 3, 3, was.BaseTimestamp, was.MaxTimestamp, 7L, (short)1, 5, 4),
            (now.BaseOffset, now.LeaderEpoch, now.LastOffsetDelta, now.BaseTimestamp, now.MaxTimestamp, now.ProducerId,
                now.ProducerEpoch, now.BaseSequence, now.RecordCount));
        Assert.Equal(
            KeyedHistory.Records(plain).Select(r => (r.Offset + 2, r.Key, r.Value)), KeyedHistory.Records(stored));
    }

    [Fact]
    public void Append_WithAWrongLargestTimestamp_CorrectsItWhereRecordsAreSeen()
    {
        using var log = _disk.Open(LogConfig.Default with { Compression = CompressionCodec.Gzip, GzipLevel = 9 });
        var batch = Batches.Plain(3);
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(RecordBatchHeader.MaxTimestampAt), Now + 1000);
        RecordBatchHeader.Seal(batch);
        Batches.MustAppend(log, batch);
        Assert.Equal(Now + 2, Batches.Infos(log)[0].MaxTimestamp);
    }

    [Fact]
    public void Append_OfAMarker_IsNotCompressed()
    {
        using var log = _disk.Open(LogConfig.Default with { Compression = CompressionCodec.Lz4 });
        Batches.MustAppend(log, Batches.Marker(1, 0, commit: true), AppendOrigin.Coordinator);
        Assert.Equal(0, Batches.Infos(log)[0].Codec);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Append_ThatGrowsBeyondTheLimit_IsTooLarge(bool prepared)
    {
        var config = LogConfig.Default with { Compression = CompressionCodec.None, MaxMessageBytes = 2000 };
        using var log = _disk.Open(config);
        var append = Batches.Of(KeyedHistory.Compress(Batches.Plain(1, valueSize: 5000), CompressionCodec.Zstd));
        if (prepared)
        {
            log.Prepare(append);
        }

        log.Append(append);
        Assert.Equal(ErrorCode.MessageTooLarge, append.Error);
        append = Batches.Of(Batches.Plain(1, valueSize: 5000));
        log.Config = config with { Compression = CompressionCodec.Zstd };
        log.Prepare(append);
        log.Append(append);
        Assert.Equal(ErrorCode.MessageTooLarge, append.Error);
        Assert.Equal(0, log.Offsets.LogEnd);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Append_OfRecordsThatContradictTheHeader_IsRefused(bool prepared)
    {
        using var log = _disk.Open(LogConfig.Default with { Compression = CompressionCodec.Lz4 });
        var batch = Batches.Plain(3);
        batch[^1] ^= 1;
        RecordBatchHeader.Seal(batch);
        var append = Batches.Of(batch);
        if (prepared)
        {
            log.Prepare(append);
        }

        log.Append(append);
        Assert.Equal(ErrorCode.InvalidRecord, append.Error);
    }

    [Fact]
    public void Append_WithLogAppendTimeAndACodec_HasBoth()
    {
        var config = LogConfig.Default with
        {
            Compression = CompressionCodec.Snappy,
            TimestampType = TimestampType.LogAppendTime,
        };
        using var log = _disk.Open(config);
        Batches.MustAppend(log, Batches.Plain(3, Now - 5));
        var batch = Batches.Infos(log)[0];
        Assert.Equal((2, true, Now), (batch.Codec, batch.IsLogAppendTime, batch.MaxTimestamp));
        var found = log.ByTimestamp(Now, 3);
        Assert.Equal((0L, Now), (found.Offset, found.TimestampMs));
    }

    [Fact]
    public void Append_OfADuplicate_AnswersTheFirstOffset()
    {
        using var log = _disk.Open(LogConfig.Default with { Compression = CompressionCodec.Zstd });
        Batches.MustAppend(log, Batches.Idempotent(7, 0, 0, 3));
        var again = Batches.Of(Batches.Idempotent(7, 0, 0, 3));
        log.Prepare(again);
        log.Append(again);
        Assert.Equal((ErrorCode.None, true, 0L), (again.Error, again.IsDuplicate, again.BaseOffset));
        Assert.Equal(3, log.Offsets.LogEnd);
    }

    [Fact]
    public void Prepare_ForATopicThatKeepsBatches_LeavesTheMemory()
    {
        using var log = _disk.Open();
        var append = Batches.Of(Batches.Plain());
        var before = GC.GetAllocatedBytesForCurrentThread();
        log.Prepare(append);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Null(append.PreparedFor);
    }

    [Fact]
    public void Prepare_UnderOtherSettings_IsDoneAgain()
    {
        using var log = _disk.Open(LogConfig.Default with { Compression = CompressionCodec.Zstd });
        var append = Batches.Of(Batches.Plain());
        log.Prepare(append);
        log.Config = LogConfig.Default with { Compression = CompressionCodec.Gzip };
        log.Append(append);
        Assert.Equal((int)CompressionCodec.Gzip, Batches.Infos(log)[0].Codec);
    }

    [Theory]
    [InlineData(-1001, ErrorCode.InvalidTimestamp)]
    [InlineData(-1000, ErrorCode.None)]
    [InlineData(500, ErrorCode.None)]
    [InlineData(501, ErrorCode.InvalidTimestamp)]
    public void Append_OutsideTheTimeWindow_IsRefused(long offset, ErrorCode expected)
    {
        using var log = _disk.Open(LogConfig.Default with { TimestampBeforeMaxMs = 1000, TimestampAfterMaxMs = 500 });
        Assert.Equal(expected, Batches.AppendTo(log, Batches.Plain(1, Now + offset)).Error);
    }

    [Fact]
    public void Append_WithLogAppendTime_TakesAnyTimeOfTheProducer()
    {
        using var log = _disk.Open(LogConfig.Default with
        {
            TimestampType = TimestampType.LogAppendTime,
            TimestampAfterMaxMs = 500,
        });
        Assert.Equal(ErrorCode.None, Batches.AppendTo(log, Batches.Plain(1, Now + 10_000_000)).Error);
        Assert.Equal(Now, Batches.Infos(log)[0].MaxTimestamp);
    }
}
