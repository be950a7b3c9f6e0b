using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Producers;

/// <summary>Kafka's rules of idempotent producers (KIP-98, KIP-360, KIP-890), one by one.</summary>
public sealed class ProducerRulesTests
{
    private const int Max = int.MaxValue;
    private readonly TestDisk _disk = new();

    [Fact]
    public void Append_OfEachOfTheLastFive_AnswersTheFirstTime()
    {
        using var log = _disk.Open();
        for (var i = 0; i < 7; i++)
        {
            Batches.MustAppend(log, Batches.Idempotent(1, 0, i * 2, 2, timestamp: Batches.Epoch2026 + (i * 10)));
        }

        for (var i = 2; i < 7; i++)
        {
            var again = Batches.AppendTo(log, Batches.Idempotent(1, 0, i * 2, 2));
            Assert.Equal(
                (ErrorCode.None, true, i * 2, (i * 2) + 1),
                (again.Error, again.IsDuplicate, again.BaseOffset, again.LastOffset));
            Assert.Equal((Batches.Epoch2026 + (i * 10) + 1, 0), (again.LogAppendTimeMs, again.LogStartOffset));
        }

        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Send(log, 0, 2, 2));
        Assert.Equal(14, log.Offsets.LogEnd);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 2)]
    [InlineData(1, 1)]
    public void Append_OfAPartOfAnEarlierBatch_IsOutOfOrder(int sequence, int count)
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0, 2));
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Send(log, 0, sequence, count));
    }

    [Theory]
    [InlineData(Max - 1, 2, 0)]
    [InlineData(Max - 1, 5, 3)]
    [InlineData(Max, 1, 0)]
    [InlineData(Max, 3, 2)]
    [InlineData(Max - 4, 4, Max)]
    public void Append_AcrossTheLargestSequence_GoesOnAtZero(int first, int count, int next)
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, first, count));
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Send(log, 0, ProducerSequence.Add(next, 1)));
        Batches.MustAppend(log, Batches.Idempotent(1, 0, next, 3));
        var (again, later) = (
            Batches.AppendTo(log, Batches.Idempotent(1, 0, first, count)),
            Batches.AppendTo(log, Batches.Idempotent(1, 0, next, 3)));
        Assert.Equal((true, 0L, true, (long)count), (again.IsDuplicate, again.BaseOffset, later.IsDuplicate, later.BaseOffset));
        Assert.Equal(count + 3, log.Offsets.LogEnd);
    }

    [Theory]
    [InlineData(Max - 1, 5, 3)]
    [InlineData(Max, 1, 0)]
    public void Open_AfterASequenceThatWrapped_StillKnowsTheBatch(int first, int count, int next)
    {
        var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, first, count));
        Assert.True(log.Close());
        using var again = _disk.Open(options: new LogOpenOptions { IsClean = true, RecoveryPoint = count });
        Assert.True(Batches.AppendTo(again, Batches.Idempotent(1, 0, first, count)).IsDuplicate);
        Assert.Equal(count, Batches.MustAppend(again, Batches.Idempotent(1, 0, next)));
    }

    [Fact]
    public void Append_WithANewEpoch_StartsAtZeroAndFencesTheOld()
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 3, 0, 5));
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Send(log, 4, 5));
        Assert.Equal(ErrorCode.InvalidProducerEpoch, Send(log, 2, 0));
        Assert.Equal(ErrorCode.None, Send(log, 4, 0));
        Assert.Equal(ErrorCode.InvalidProducerEpoch, Send(log, 3, 0, 5));
        Assert.Equal(ErrorCode.InvalidProducerEpoch, Send(log, 3, 5));
    }

    [Fact]
    public void Append_OfAnUnknownProducer_MayStartAnywhere()
    {
        using var log = _disk.Open();
        Assert.Equal(ErrorCode.None, Send(log, 7, 1000));
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Send(log, 7, 1002));
        Assert.Equal(ErrorCode.None, Send(log, 7, 1001));
    }

    [Fact]
    public void Append_OfAnUnknownTransactionalProducer_StartsAtZeroWithVersion2()
    {
        using var log = _disk.Open();
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, SendInTransaction(log, sequence: 5, version: 2));
        Assert.Equal(ErrorCode.None, SendInTransaction(log, sequence: 5, version: 1));
    }

    [Fact]
    public void Append_SeveralOfOneProducerInOneCall_BuildOnEachOther()
    {
        using var log = _disk.Open();
        LogAppend[] appends =
        [
            Batches.Of(Batches.Idempotent(1, 0, 0, 2)),
            Batches.Of(Batches.Idempotent(1, 0, 2, 2)),
            Batches.Of(Batches.Idempotent(1, 0, 0, 2)),
            Batches.Of(Batches.Idempotent(1, 0, 5, 2)),
            Batches.Of(Batches.Idempotent(1, 0, 4, 2)),
            Batches.Of(Batches.Idempotent(1, 1, 0, 1)),
            Batches.Of(Batches.Idempotent(1, 0, 6, 1)),
        ];
        log.Append(appends);
        Assert.Equal(
            [
                ErrorCode.None, ErrorCode.None, ErrorCode.None, ErrorCode.OutOfOrderSequenceNumber, ErrorCode.None,
                ErrorCode.None, ErrorCode.InvalidProducerEpoch,
            ],
            appends.Select(a => a.Error));
        Assert.Equal([0L, 2, 0, -1, 4, 6, -1], appends.Select(a => a.BaseOffset));
        Assert.Equal(7, log.Offsets.LogEnd);
    }

    [Fact]
    public void Append_OfADuplicateWhoseFirstIsLostInTheSameCall_Fails()
    {
        using var log = _disk.Open();
        LogAppend[] appends = [Batches.Of(Batches.Idempotent(1, 0, 0)), Batches.Of(Batches.Idempotent(1, 0, 0))];
        _disk.Files.TearNextWriteAt = 10;
        log.Append(appends);
        Assert.All(appends, a => Assert.Equal(ErrorCode.KafkaStorageError, a.Error));
    }

    [Fact]
    public void Append_OutsideAnOpenTransaction_IsRefused()
    {
        using var log = _disk.Open();
        Assert.Equal(ErrorCode.None, SendInTransaction(log, sequence: 0, version: 1));
        Assert.Equal(ErrorCode.InvalidTxnState, Send(log, 0, 1));
        Batches.MustAppend(log, Batches.Marker(1, 0, commit: true), AppendOrigin.Coordinator);
        Assert.Equal(ErrorCode.None, Send(log, 0, 1));
    }

    [Theory]
    [InlineData(0, 0, 0, ErrorCode.InvalidProducerEpoch)]
    [InlineData(1, 0, 1, ErrorCode.InvalidProducerEpoch)]
    [InlineData(1, 0, 0, ErrorCode.None)]
    [InlineData(0, 2, 1, ErrorCode.InvalidProducerEpoch)]
    [InlineData(1, 2, 1, ErrorCode.InvalidProducerEpoch)]
    [InlineData(2, 2, 1, ErrorCode.None)]
    public void Append_OfAMarker_IsFencedByItsEpoch(int epoch, short version, int last, ErrorCode expected)
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 1, 0, transactional: true));
        if (version == 0 && last == 1 && epoch == 1)
        {
            // Somebody with a newer epoch has been here.
            Batches.MustAppend(log, Batches.Marker(1, 2, commit: false), AppendOrigin.Coordinator);
        }

        var marker = Batches.Of(Batches.Marker(1, (short)epoch, commit: true), AppendOrigin.Coordinator);
        marker.TransactionVersion = version;
        log.Append(marker);
        Assert.Equal(expected, marker.Error);
    }

    [Fact]
    public void Append_OfAMarkerThatComesAgain_IsTakenWithVersion2()
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 1, 0, transactional: true));
        for (var i = 0; i < 2; i++)
        {
            var marker = Batches.Of(Batches.Marker(1, 2, commit: true), AppendOrigin.Coordinator);
            marker.TransactionVersion = 2;
            log.Append(marker);
            Assert.Equal(ErrorCode.None, marker.Error);
        }
    }

    [Fact]
    public void Append_OfAMarkerOfAnOldCoordinator_IsFenced()
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Marker(1, 0, commit: true, coordinatorEpoch: 5), AppendOrigin.Coordinator);
        var old = Batches.AppendTo(log, Batches.Marker(1, 0, commit: true, coordinatorEpoch: 4), AppendOrigin.Coordinator);
        Assert.Equal(ErrorCode.TransactionCoordinatorFenced, old.Error);
    }

    [Fact]
    public void Append_AfterAMarkerWithANewEpoch_StartsAtZero()
    {
        using var log = _disk.Open();
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0, 3, transactional: true));
        Batches.MustAppend(log, Batches.Marker(1, 1, commit: true), AppendOrigin.Coordinator);
        Assert.Equal(ErrorCode.InvalidProducerEpoch, Send(log, 0, 3));
        Assert.Equal(ErrorCode.OutOfOrderSequenceNumber, Send(log, 1, 3));
        Assert.Equal(ErrorCode.None, Send(log, 1, 0));
    }

    [Fact]
    public void Append_ByACoordinatorForAProducer_NeedsNoSequence()
    {
        using var log = _disk.Open();
        for (var i = 0; i < 3; i++)
        {
            // Offsets of a transaction: producer and epoch, but nobody counts them.
            Batches.MustAppend(log, Batches.Idempotent(9, 1, -1, transactional: true), AppendOrigin.Coordinator);
        }

        var old = Batches.AppendTo(log, Batches.Idempotent(9, 0, -1, transactional: true), AppendOrigin.Coordinator);
        Assert.Equal(ErrorCode.InvalidProducerEpoch, old.Error);
        Assert.Equal((3L, 0L), (log.Offsets.LogEnd, log.DescribeProducers().Single().TransactionFirstOffset));
    }

    [Fact]
    public void Append_OfAMarkerToATopicWithLogAppendTime_CarriesIt()
    {
        using var log = _disk.Open(LogConfig.Default with { TimestampType = TimestampType.LogAppendTime });
        _disk.Clock.NowMs += 5000;
        Batches.MustAppend(log, Batches.Marker(1, 0, commit: true), AppendOrigin.Coordinator);
        var marker = Batches.Infos(log).Single();
        Assert.Equal((true, _disk.Clock.NowMs), (marker.IsLogAppendTime, marker.MaxTimestamp));
        Assert.Equal(_disk.Clock.NowMs, log.DescribeProducers().Single().LastTimestampMs);
    }

    [Fact]
    public void RemoveExpiredProducers_LeavesOpenTransactions()
    {
        using var log = _disk.Open(LogConfig.Default with { ProducerIdExpirationMs = 1000 });
        Batches.MustAppend(log, Batches.Idempotent(1, 0, 0));
        Batches.MustAppend(log, Batches.Idempotent(2, 0, 0, transactional: true));
        _disk.Clock.NowMs += 999;
        Assert.Equal(0, log.RemoveExpiredProducers());
        _disk.Clock.NowMs++;
        Assert.Equal(1, log.RemoveExpiredProducers());
        Assert.Equal(2, log.DescribeProducers().Single().ProducerId);

        // Forgotten is unknown: any sequence will do, and nothing is a duplicate.
        Assert.False(Batches.AppendTo(log, Batches.Idempotent(1, 0, 0)).IsDuplicate);
        Batches.MustAppend(log, Batches.Marker(2, 0, commit: true), AppendOrigin.Coordinator);
        _disk.Clock.NowMs += 1000;
        Assert.Equal(2, log.RemoveExpiredProducers());
    }

    [Fact]
    public void Append_OfSegmentBytes_CountsAfterRecompression()
    {
        var config = LogConfig.Default with
        {
            SegmentBytes = 2000,
            Compression = CompressionCodec.Zstd,
        };
        using var log = _disk.Open(config);
        Assert.Equal(ErrorCode.None, Batches.AppendTo(log, Batches.Plain(valueSize: 3000)).Error);
        log.Config = config with { Compression = null };
        Assert.Equal(ErrorCode.RecordListTooLarge, Batches.AppendTo(log, Batches.Plain(valueSize: 3000)).Error);
    }

    private static ErrorCode Send(PartitionLog log, short epoch, int sequence, int count = 1) =>
        Batches.AppendTo(log, Batches.Idempotent(1, epoch, sequence, count)).Error;

    private static ErrorCode SendInTransaction(PartitionLog log, int sequence, short version)
    {
        var append = Batches.Of(Batches.Idempotent(1, 0, sequence, transactional: true));
        append.TransactionVersion = version;
        log.Append(append);
        return append.Error;
    }
}
