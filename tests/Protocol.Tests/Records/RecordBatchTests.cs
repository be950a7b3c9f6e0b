using System.Buffers;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Protocol.Tests.Records;

public sealed class RecordBatchTests
{
    [Fact]
    public void Builder_ThreeRecords_ReadBackAlike()
    {
        var builder = new RecordBatchBuilder(8) { BaseOffset = 40, LeaderEpoch = 3 };
        builder.Add(1000, [1], [2, 3]);
        builder.Add(900, null, []);
        builder.Add(3_000_000_000_000, [], null);
        var bytes = builder.Build().ToArray();
        var info = new RecordBatchInfo(bytes);
        Assert.True(RecordBatchHeader.HasValidCrc(bytes));
        Assert.Equal((40L, 42L, 3, 3), (info.BaseOffset, info.LastOffset, info.RecordCount, info.LeaderEpoch));
        Assert.Equal((1000L, 3_000_000_000_000L), (info.BaseTimestamp, info.MaxTimestamp));
        var reader = new RecordReader(info, bytes.AsSpan(RecordBatchHeader.Size));
        Assert.True(reader.Next());
        Assert.Equal((40L, 1000L, 1, 2), (reader.Offset, reader.Timestamp, reader.Key.Length, reader.Value.Length));
        Assert.True(reader.Next());
        Assert.True(reader.KeyIsNull && !reader.ValueIsNull);
        Assert.Equal(900L, reader.Timestamp);
        Assert.True(reader.Next());
        Assert.True(!reader.KeyIsNull && reader.ValueIsNull);
        Assert.False(reader.Next());
        Assert.Equal((false, 0), (reader.Failed, reader.BytesLeft));
    }

    [Fact]
    public void BatchReader_EverySplitOfTwoBatches_FindsBoth()
    {
        var data = TwoBatches();
        for (var split = 0; split <= data.Length; split++)
        {
            var reader = new RecordBatchReader(Pieces.Of(data, split));
            Assert.Equal(RecordBatchStep.Batch, reader.Next());
            Assert.Equal(0, reader.Current.BaseOffset);
            Assert.Equal(RecordBatchStep.Batch, reader.Next());
            Assert.Equal(7, reader.Current.BaseOffset);
            Assert.Equal(RecordBatchStep.End, reader.Next());
        }
    }

    [Fact]
    public void BatchReader_EveryTruncation_EndsInsteadOfThrowing()
    {
        var data = TwoBatches();
        for (var length = 0; length < data.Length; length++)
        {
            var reader = new RecordBatchReader(new ReadOnlySequence<byte>(data, 0, length));
            var batches = 0;
            while (reader.Next() == RecordBatchStep.Batch)
            {
                batches++;
            }

            Assert.Equal(length < data.Length / 2 ? 0 : 1, batches);
        }
    }

    [Theory]
    [InlineData(RecordBatchHeader.LengthAt, 0xff, RecordBatchStep.BadLength)]
    [InlineData(RecordBatchHeader.LengthAt, 0x7f, RecordBatchStep.End)]
    [InlineData(RecordBatchHeader.MagicAt, 1, RecordBatchStep.OldFormat)]
    [InlineData(RecordBatchHeader.MagicAt, 3, RecordBatchStep.BadMagic)]
    public void BatchReader_BadField_IsNamed(int at, byte value, RecordBatchStep expected)
    {
        var data = TwoBatches();
        data[at] = value;
        var reader = new RecordBatchReader(data);
        Assert.Equal(expected, reader.Next());
    }

    [Fact]
    public void RecordReader_AnyFlippedByte_NeverThrows()
    {
        var builder = new RecordBatchBuilder();
        builder.Add(0, 5, new byte[3], false, new byte[9], false, [2, 104, 2, 120], 1);
        builder.Add(6, [1], [2]);
        var good = builder.Build().ToArray();
        var info = new RecordBatchInfo(good);
        for (var at = RecordBatchHeader.Size; at < good.Length; at++)
        {
            for (var value = 0; value < 256; value++)
            {
                var bad = (byte[])good.Clone();
                bad[at] = (byte)value;
                var reader = new RecordReader(info, bad.AsSpan(RecordBatchHeader.Size));
                while (reader.Next())
                {
                    while (reader.NextHeader(out _, out _, out _))
                    {
                    }
                }

                Assert.False(RecordBatchHeader.HasValidCrc(bad) && bad[at] != good[at]);
            }
        }
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(-1L)]
    [InlineData(63L)]
    [InlineData(64L)]
    [InlineData(-65L)]
    [InlineData((long)int.MaxValue)]
    [InlineData((long)int.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void Varint_AnyValue_RoundTrips(long value)
    {
        var buffer = new byte[RecordVarint.MaxBytes64];
        var size = RecordVarint.Write(buffer, value);
        Assert.Equal(RecordVarint.SizeOf(value), size);
        ReadOnlySpan<byte> data = buffer.AsSpan(0, size);
        Assert.True(RecordVarint.TryRead(ref data, out long read));
        Assert.Equal((value, 0), (read, data.Length));
        data = buffer.AsSpan(0, size);
        Assert.Equal(value is >= int.MinValue and <= int.MaxValue, RecordVarint.TryRead(ref data, out int small));
        Assert.True(value != small || value == (int)value);
    }

    [Theory]
    [InlineData(0, 4, 4)]
    [InlineData(int.MaxValue, 1, 0)]
    [InlineData(int.MaxValue - 1, 3, 1)]
    public void Sequence_Added_WrapsToZero(int sequence, int count, int expected) =>
        Assert.Equal(expected, ProducerSequence.Add(sequence, count));

    [Fact]
    public void Marker_Committed_ReadsBack()
    {
        var builder = new RecordBatchBuilder();
        builder.SetEndTransactionMarker(9, 2, commit: true, coordinatorEpoch: 7, timestamp: 5);
        var bytes = builder.Build();
        var info = new RecordBatchInfo(bytes.Span);
        Assert.True(info.IsControl && info.IsTransactional);
        Assert.True(ControlRecord.TryRead(info, bytes.Span[RecordBatchHeader.Size..], out var control));
        Assert.Equal(new ControlRecord(ControlType.Commit, 7), control);
    }

    private static byte[] TwoBatches()
    {
        var builder = new RecordBatchBuilder();
        builder.Add(1, [1], [2]);
        var first = builder.Build().ToArray();
        builder.BaseOffset = 7;
        return [.. first, .. builder.Build().Span];
    }
}
