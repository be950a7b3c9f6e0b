using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;
using Orleans.Kafka.Storage.Tests;

namespace Orleans.Kafka.Simulation.Tests;

/// <content>What is done to the logs.</content>
internal sealed partial class History
{
    private void Append(PartitionModel partition)
    {
        var appends = Enumerable.Range(0, _random.Next(1, 5))
            .Select(_ => partition.History.Next(_disk.Clock.NowMs - _random.Next(3000))).ToArray();
        Append(partition, appends);
        partition.Log.AdvanceHighWatermark(
            _random.NextInt64(partition.Log.Offsets.HighWatermark, partition.Log.Offsets.LogEnd + 1));
    }

    private void Append(PartitionModel partition, LogAppend[] appends)
    {
        partition.Log.Append(appends);
        partition.BeginAppend(appends);
        foreach (var append in appends)
        {
            if (append.Error == ErrorCode.None)
            {
                partition.Acknowledged(append);
            }
            else
            {
                Require.That(IsExcused && append.Error == ErrorCode.KafkaStorageError, $"append: {append.Error}");
            }
        }

        if (Array.TrueForAll(appends, static a => a.Error == ErrorCode.None))
        {
            partition.Settle();
        }
    }

    private void Flush(PartitionModel partition)
    {
        var end = partition.Log.Offsets.LogEnd;
        if (Succeeds(partition.Log.Flush(), "flush"))
        {
            Require.Equal(end, partition.Log.RecoveryPoint, "recovery point after a flush");
            partition.Flushed(end);
        }
    }

    private void Checkpoint(PartitionModel partition)
    {
        _directory.WriteCheckpoints();
        _partitions.ForEach(static p => p.StartIsDurable());
    }

    private void Roll(PartitionModel partition)
    {
        if (_random.Next(2) == 0)
        {
            // Nothing stays open: cleaning gets on.
            while (partition.History.NextMarker() is { } marker)
            {
                Append(partition, [marker]);
                if (partition.Log.IsFailed)
                {
                    return;
                }
            }

            partition.Log.AdvanceHighWatermark(partition.Log.Offsets.LogEnd);
        }

        Succeeds(partition.Log.Roll(), "roll");
    }

    private void DeleteRecords(PartitionModel partition)
    {
        var offsets = partition.Log.Offsets;
        var to = _random.NextInt64(
            offsets.LogStart, (partition.Config.Compact ? offsets.LastStable : offsets.HighWatermark) + 1);
        partition.BeginMoveOfStart(to);
        if (Succeeds(partition.Log.DeleteRecordsTo(to)))
        {
            Require.Equal(Math.Max(partition.Start, to), offsets.LogStart, "log start after DeleteRecords");
            partition.Start = offsets.LogStart;
        }

        RemoveLeftovers(partition);
    }

    private void ApplyRetention(PartitionModel partition)
    {
        var offsets = partition.Log.Offsets;
        partition.BeginMoveOfStart(offsets.HighWatermark);
        partition.Log.ApplyRetention();
        Require.That(offsets.LogStart <= offsets.HighWatermark, "retention went beyond the high watermark");
        partition.Start = offsets.LogStart;
        _directory.WriteCheckpoints();
        _partitions.ForEach(static p => p.StartIsDurable());
    }

    private void Truncate(PartitionModel partition)
    {
        var (offsets, end) = (partition.Log.Offsets, partition.Log.Offsets.LogEnd);
        var from = partition.Config.Compact ? offsets.HighWatermark : Math.Max(offsets.LogStart, end - 10);
        var to = _random.NextInt64(from, end + 1);
        partition.BeginTruncation(to);
        if (Succeeds(partition.Log.TruncateTo(to)))
        {
            partition.Truncated(to);
            Check(partition);
        }
    }

    private void Compact(PartitionModel partition)
    {
        if (!partition.Config.Compact)
        {
            return;
        }

        var report = partition.Log.Compact(CompactionOptions.Default with
        {
            KeyMapBytes = _random.Next(3) == 0 ? 24 * 16 : 1 << 20,
            IoBufferBytes = 100,
        });
        Require.That(
            report.Outcome is CompactionOutcome.Cleaned or CompactionOutcome.Nothing || IsExcused,
            $"cleaning: {report.Outcome} {partition.Log.UncleanableReason}");
        if (!_files.IsDead && !partition.Log.IsFailed)
        {
            Check(partition);
        }
    }

    private void DeleteAndMakeAnew(PartitionModel partition)
    {
        var at = _partitions.IndexOf(partition);
        _partitions[at] = NewPartition(partition.Topic);
        _partitions[at].Log = partition.Log;
        _directory.DeletePartition(partition.Log);
        OpenPartition(_partitions[at]);
        _partitions[at].Reopened(powerLoss: false);
    }

    /// <summary>One flush for many; appends, rolls and truncations come in between, as they do from other threads.</summary>
    private void FlushTogether(PartitionModel partition)
    {
        var flushes = new List<LogFlush>();
        foreach (var p in _partitions.Where(_ => _random.Next(3) > 0))
        {
            var flush = new LogFlush();
            p.Log.BeginFlush(flush);
            flushes.Add(flush);
        }

        try
        {
            Interfere(mayCut: true);
            _disk.Files.BeforeFlush = _ => Once(() => Interfere(mayCut: false));
            _directory.FlushTogether(flushes);
            _disk.Files.BeforeFlush = null;
            Interfere(mayCut: true);
        }
        finally
        {
            _disk.Files.BeforeFlush = null;
            flushes.ForEach(static f => f.Log!.EndFlush(f));
        }
    }

    private void FlushAll(PartitionModel partition)
    {
        _disk.Files.BeforeFlush = _ => Once(() => Append(partition));
        try
        {
            _directory.Flush([.. _partitions.Select(p => p.Log)]);
        }
        finally
        {
            _disk.Files.BeforeFlush = null;
        }
    }

    private void Once(Action action)
    {
        _disk.Files.BeforeFlush = null;
        action();
        if (_files.IsDead)
        {
            throw new IOException("dead");
        }
    }

    // What is under way on this thread may hold the locks that keep a truncation waiting.
    private void Interfere(bool mayCut)
    {
        var partition = _partitions[_random.Next(_partitions.Count)];
        if (partition.Log.IsFailed || _files.IsDead)
        {
            return;
        }

        switch (_random.Next(5))
        {
            case 0:
                Append(partition);
                break;
            case 1:
                Succeeds(partition.Log.Roll(), "roll");
                break;
            case 2 when mayCut:
                Truncate(partition);
                Append(partition);
                break;
            default:
                break;
        }
    }

    /// <summary>A producer that has heard nothing sends its last batch once more.</summary>
    private void SendAgain(PartitionModel partition)
    {
        var last = partition.Batches.LastOrDefault(
            b => new RecordBatchInfo(b) is { HasProducerId: true, IsControl: false });
        if (last is null || partition.Log.DescribeProducers().All(p => p.ProducerId != new RecordBatchInfo(last).ProducerId))
        {
            return;
        }

        var again = (byte[])last.Clone();
        again.AsSpan(0, sizeof(long)).Clear();
        var append = Batches.Of(again);
        partition.Log.Append(append);
        Require.That(
            append is { Error: ErrorCode.None, IsDuplicate: true } || (IsExcused && append.Error == ErrorCode.KafkaStorageError),
            $"a duplicate was answered with {append.Error} at {append.BaseOffset}");
        Require.That(
            append.Error != ErrorCode.None || append.BaseOffset == new RecordBatchInfo(last).BaseOffset,
            $"a duplicate got offset {append.BaseOffset}, the first one {new RecordBatchInfo(last).BaseOffset}");
    }

    private void RemoveLeftovers(PartitionModel partition) => _environment.Deletions.Run(_environment);

    private bool Succeeds(ErrorCode error)
    {
        Require.That(error == ErrorCode.None || (IsExcused && error == ErrorCode.KafkaStorageError), error.ToString());
        return error == ErrorCode.None;
    }

    private bool Succeeds(bool isDone, string what)
    {
        Require.That(isDone || IsExcused, $"{what} failed without a cause");
        return isDone;
    }
}
