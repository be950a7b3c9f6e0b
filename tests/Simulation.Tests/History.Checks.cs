using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage.Tests;
using Orleans.Kafka.Storage.Tests.Compaction;

namespace Orleans.Kafka.Simulation.Tests;

/// <content>What must hold.</content>
internal sealed partial class History
{
    private void Check(PartitionModel partition)
    {
        if (_fault is not null || _files.IsDead)
        {
            return;
        }

        var stored = Batches.ReadAll(partition.Log, _random.Next(100, 3000));
        CheckOrder(partition, stored);
        if (partition.Config.Compact)
        {
            CheckRecords(partition, stored);
        }
        else
        {
            CheckBatches(partition, stored);
        }

        CheckState(partition);
        CheckPlaces(partition, stored);
        if (!partition.Config.Compact)
        {
            CheckTime(partition);
        }
    }

    private static void CheckOrder(PartitionModel partition, List<byte[]> stored)
    {
        var next = 0L;
        foreach (var bytes in stored)
        {
            var batch = new RecordBatchInfo(bytes);
            Require.That(batch.BaseOffset >= next, $"{batch.BaseOffset} behind {next}: {partition.Describe()}");
            next = batch.NextOffset;
        }

        Require.That(next <= partition.End, $"records up to {next}: {partition.Describe()}");
    }

    private static void CheckBatches(PartitionModel partition, List<byte[]> stored)
    {
        var expected = partition.Batches.ToList();
        Require.That(expected.Count == stored.Count, $"{Offsets(expected)} expected, found {Offsets(stored)}: {partition.Describe()}");
        for (var i = 0; i < stored.Count; i++)
        {
            Require.That(stored[i].AsSpan().SequenceEqual(expected[i]), $"batch {i} differs: {partition.Describe()}");
        }
    }

    /// <summary>Cleaning may leave records away, and changes none.</summary>
    private static void CheckRecords(PartitionModel partition, List<byte[]> stored)
    {
        foreach (var bytes in stored.Where(b => !new RecordBatchInfo(b).IsControl))
        {
            foreach (var (offset, key, value) in KeyedHistory.Records(bytes))
            {
                Require.Equal(partition.History.Written.GetValueOrDefault(offset), $"{key}={value}", $"record {offset}");
            }
        }
    }

    /// <summary>A reader of committed data knows the last value of each key.</summary>
    private static void CheckState(PartitionModel partition)
    {
        CheckOpenTransactions(partition);
        var expected = partition.History.Expected(partition.Log);
        var found = KeyedHistory.Committed(partition.Log);
        Require.That(
            expected.Count == found.Count && expected.All(e => found.GetValueOrDefault(e.Key) == e.Value),
            $"committed {Text(found)}, expected {Text(expected)}: {partition.Describe()}");
    }

    /// <summary>The last stable offset stands in front of every transaction whose end is not replicated.</summary>
    private static void CheckOpenTransactions(PartitionModel partition)
    {
        var open = new Dictionary<long, long>();
        foreach (var bytes in partition.History.Appended.Values)
        {
            var batch = new RecordBatchInfo(bytes);
            if (batch.IsControl && batch.LastOffset < partition.Log.Offsets.HighWatermark)
            {
                open.Remove(batch.ProducerId);
            }
            else if (!batch.IsControl && batch.IsTransactional && batch.LastOffset >= partition.Start)
            {
                open.TryAdd(batch.ProducerId, batch.BaseOffset);
            }
        }

        var stable = partition.Log.Offsets.LastStable;
        foreach (var (producer, first) in open)
        {
            Require.That(
                stable <= Math.Max(first, partition.Start),
                $"stable up to {stable}, but producer {producer} has a transaction open from {first} on: {partition.Describe()}, producers {string.Join(' ', partition.Log.DescribeProducers())}");
        }
    }

    /// <summary>Any offset leads to its batch, whatever the index says.</summary>
    private void CheckPlaces(PartitionModel partition, List<byte[]> stored)
    {
        if (stored.Count == 0)
        {
            return;
        }

        var wanted = stored[_random.Next(stored.Count)];
        var batch = new RecordBatchInfo(wanted);
        var offset = Math.Max(partition.Start, _random.NextInt64(batch.BaseOffset, batch.NextOffset));
        var found = Batches.ReadBytes(partition.Log, offset, wanted.Length);
        Require.That(found.AsSpan().StartsWith(wanted), $"offset {offset} leads elsewhere: {partition.Describe()}");
    }

    private void CheckTime(PartitionModel partition)
    {
        var time = _disk.Clock.NowMs - _random.Next(100_000);
        var expected = partition.Batches.SelectMany(TimesOf)
            .FirstOrDefault(r => r.Time >= time && r.Offset >= partition.Start, (Offset: -1, Time: -1));
        var found = partition.Log.ByTimestamp(time, partition.Log.Offsets.LogEnd);
        Require.Equal(expected, (found.Offset, found.TimestampMs), $"first record at {time}, {partition.Describe()}");
    }

    /// <summary>While reads fail, an answer is right or an error.</summary>
    private void LookUp(PartitionModel partition)
    {
        var log = partition.Log;
        var offset = _random.NextInt64(log.Offsets.LogStart, log.Offsets.LogEnd + 1);
        var read = log.Read(offset, 500, log.Offsets.LogEnd, atLeastOneBatch: true);
        try
        {
            Require.That(read.Error == ErrorCode.None || IsExcused, $"read: {read.Error}");
            var bytes = new byte[read.Length];
            read.CopyTo(bytes);
            if (read.Error == ErrorCode.None && bytes.Length >= RecordBatchHeader.Size && !partition.Config.Compact)
            {
                var batch = new RecordBatchInfo(bytes);
                Require.That(
                    batch.BaseOffset <= offset && offset <= batch.LastOffset,
                    $"offset {offset} leads to {batch.BaseOffset}..{batch.LastOffset}: {partition.Describe()}");
            }
        }
        finally
        {
            read.Release();
        }

        if (!partition.Config.Compact)
        {
            CheckTime(partition);
        }
    }

    private static List<(long Offset, long Time)> TimesOf(byte[] bytes)
    {
        var batch = new RecordBatchInfo(bytes);
        if (batch.IsControl)
        {
            return [(batch.BaseOffset, batch.MaxTimestamp)];
        }

        var result = new List<(long Offset, long Time)>();
        var reader = new RecordReader(batch, KeyedHistory.Unpack(bytes));
        while (reader.Next())
        {
            result.Add((reader.Offset, reader.Timestamp));
        }

        return result;
    }

    private static string Offsets(List<byte[]> batches) =>
        string.Join(' ', batches.Select(b => new RecordBatchInfo(b).BaseOffset));

    private static string Text(Dictionary<string, string> state) => string.Join(' ', state.OrderBy(static s => s.Key, StringComparer.Ordinal).Select(s => $"{s.Key}={s.Value}"));
}
