using System.Buffers;
using System.Text;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>Batches and appends for tests.</summary>
internal static class Batches
{
    public const long Epoch2026 = 1_795_200_000_000;

    public static byte[] Plain(int count = 1, long timestamp = Epoch2026, int valueSize = 10, string key = "key")
    {
        var builder = new RecordBatchBuilder();
        for (var i = 0; i < count; i++)
        {
            builder.Add(timestamp + i, Encoding.UTF8.GetBytes($"{key}-{i}"), new byte[valueSize]);
        }

        return builder.Build().ToArray();
    }

    public static byte[] Idempotent(
        long producerId, short epoch, int sequence, int count = 1, bool transactional = false,
        long timestamp = Epoch2026)
    {
        var builder = new RecordBatchBuilder
        {
            ProducerId = producerId,
            ProducerEpoch = epoch,
            BaseSequence = sequence,
            Attributes = transactional ? RecordBatchHeader.TransactionalFlag : (short)0,
        };
        for (var i = 0; i < count; i++)
        {
            builder.Add(timestamp + i, [1], [2]);
        }

        return builder.Build().ToArray();
    }

    public static byte[] Marker(
        long producerId, short epoch, bool commit, int coordinatorEpoch = 0, long timestamp = Epoch2026)
    {
        var builder = new RecordBatchBuilder();
        builder.SetEndTransactionMarker(producerId, epoch, commit, coordinatorEpoch, timestamp);
        return builder.Build().ToArray();
    }

    public static LogAppend Of(byte[] records, AppendOrigin origin = AppendOrigin.Client, int epoch = 0) =>
        new() { Records = new ReadOnlySequence<byte>(records), Origin = origin, LeaderEpoch = epoch };

    public static LogAppend AppendTo(PartitionLog log, byte[] records, AppendOrigin origin = AppendOrigin.Client)
    {
        var append = Of(records, origin);
        log.Append(append);
        return append;
    }

    public static long MustAppend(PartitionLog log, byte[] records, AppendOrigin origin = AppendOrigin.Client)
    {
        var append = AppendTo(log, records, origin);
        Assert.Equal(ErrorCode.None, append.Error);
        return append.BaseOffset;
    }

    /// <summary>All batches from an offset on, as bytes, through the reading path.</summary>
    public static byte[] ReadBytes(PartitionLog log, long offset, int maxBytes = int.MaxValue)
    {
        var read = log.Read(offset, maxBytes, log.Offsets.LogEnd, atLeastOneBatch: true);
        Assert.Equal(ErrorCode.None, read.Error);
        var bytes = new byte[read.Length];
        Assert.Equal(bytes.Length, read.CopyTo(bytes));
        read.Release();
        return bytes;
    }

    /// <summary>Every batch of the log, fetched piece by piece as a consumer does.</summary>
    public static List<byte[]> ReadAll(PartitionLog log, int maxBytes = 1000)
    {
        var all = new List<byte[]>();
        for (var offset = log.Offsets.LogStart; offset < log.Offsets.LogEnd;)
        {
            var bytes = ReadBytes(log, offset, maxBytes);
            var reader = new RecordBatchReader(bytes);
            var before = offset;
            while (reader.Next() == RecordBatchStep.Batch)
            {
                var batch = bytes[(int)reader.Position..(int)reader.NextPosition];
                Assert.True(RecordBatchHeader.HasValidCrc(batch));
                Assert.True(reader.Current.LastOffset >= offset);
                all.Add(batch);
                offset = reader.Current.NextOffset;
            }

            Assert.True(offset > before, $"no progress at {offset} of {log.Offsets.LogEnd}");
        }

        return all;
    }

    public static List<RecordBatchInfo> Infos(PartitionLog log) => [.. ReadAll(log).Select(b => new RecordBatchInfo(b))];
}
