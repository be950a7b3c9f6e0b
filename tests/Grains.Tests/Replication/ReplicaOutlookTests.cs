using System.Buffers;
using System.Buffers.Binary;
using Orleans.Kafka.Grains.Replication;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Tests.Replication;

/// <summary>What lies before a reader: to the record, whatever batches it is in.</summary>
public sealed class ReplicaOutlookTests
{
    private readonly LocalReplicas _replicas = new();
    private readonly Replica _replica;

    public ReplicaOutlookTests()
    {
        var environment = new LogEnvironment(new SimulatedFileSystem(seed: 3), new ManualClock(), new Random(3));
        PartitionLog log = PartitionLog.Open(environment, "/log/t-0", "t", 0, LogConfig.Default, default);
        _replica = new Replica("t", Guid.NewGuid(), 0, log, new ReplicaRole(true, 0, 0, true));
        _replicas.Add(_replica);
    }

    [Theory]
    [InlineData(CompressionCodec.None)]
    [InlineData(CompressionCodec.Gzip)]
    [InlineData(CompressionCodec.Lz4)]
    public void NextTimestamp_InsideABatch_IsTheRecordsOwn(CompressionCodec codec)
    {
        Append(Batch(codec, 3, 100, 200, 150));
        Append(Batch(codec, 3, 400, 300, 500));

        Assert.Equal([100, 200, 150, 400, 300, 500, -1], Enumerable.Range(0, 7).Select(offset => Look(offset).NextTimestampMs));
        Assert.Equal(6, Look(0).HighWatermark);
    }

    [Fact]
    public void NextTimestamp_OfRecordsThatCompactionRemoved_IsThatOfTheNextBatch()
    {
        Append(Batch(CompressionCodec.None, 5, 100, 200));
        Append(Batch(CompressionCodec.None, 1, 700));

        Assert.Equal(200, Look(1).NextTimestampMs);
        Assert.Equal(700, Look(3).NextTimestampMs);
    }

    [Fact]
    public void NextTimestamp_BeforeTheLogStart_IsThatOfTheFirstRecordThereIs()
    {
        Append(Batch(CompressionCodec.None, 2, 100, 200));
        _replica.Log.DeleteRecordsTo(1);

        Assert.Equal(200, Look(0).NextTimestampMs);
    }

    private PartitionOutlook Look(long offset) => ReplicaOutlook.Of(
        _replicas, new PartitionPosition { TopicId = _replica.TopicId, Partition = 0, Offset = offset });

    private void Append(byte[] batch)
    {
        // As a follower gets it: a producer's batch may have no gaps.
        RecordBatchHeader.SetPlace(batch, _replica.Log.Offsets.LogEnd, leaderEpoch: 0);
        var append = new LogAppend { Records = new ReadOnlySequence<byte>(batch), Origin = AppendOrigin.Replication };
        _replica.Log.Append(append);
        Assert.Equal(ErrorCode.None, append.Error);
        _replica.Log.AdvanceHighWatermark(_replica.Log.Offsets.LogEnd);
    }

    /// <summary>A batch that takes so many offsets, with records in the first of them.</summary>
    private static byte[] Batch(CompressionCodec codec, int offsets, params long[] timestamps)
    {
        var builder = new RecordBatchBuilder { Attributes = (short)codec };
        foreach (long timestamp in timestamps)
        {
            builder.Add(timestamp, null, new byte[100]);
        }

        byte[] plain = builder.Build(offsets - 1).ToArray();
        if (codec == CompressionCodec.None)
        {
            return plain;
        }

        var output = new ArrayBufferWriter<byte>();
        output.Write(plain.AsSpan(0, RecordBatchHeader.Size));
        Assert.True(Compressions.TryCompress(
            codec, new ReadOnlySequence<byte>(plain, RecordBatchHeader.Size, plain.Length - RecordBatchHeader.Size), output));
        byte[] batch = output.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(
            batch.AsSpan(RecordBatchHeader.LengthAt), batch.Length - RecordBatchHeader.LengthOverhead);
        RecordBatchHeader.Seal(batch);
        return batch;
    }
}
