using System.Buffers.Binary;
using Orleans.Kafka.LogTool;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;
using Orleans.Kafka.Storage.Tests.Compaction;

namespace Orleans.Kafka.Simulation.Tests;

/// <content>
/// The end of every history: a bit of a partition flips while nobody looks, or a write goes to the wrong place. Nothing can bring the
/// bytes back; but no record may be given out that was never written, and what is lost must be seen.
/// </content>
internal sealed partial class History
{
    private void Rot()
    {
        var candidates = _partitions.Where(p => p.Batches.Any()).ToList();
        if (candidates.Count == 0)
        {
            return;
        }

        var partition = candidates[_random.Next(candidates.Count)];
        var isMisdirected = _random.Next(3) == 0 && Misdirect(partition);
        var isClean = _random.Next(2) == 0;
        if (isClean)
        {
            Require.That(_directory.Close(), "a stop was not clean");
        }
        else
        {
            _files.PowerLoss = false;
            _files.DieNow();
            _directory.Dispose();
        }

        var (damage, canBeKnown) = isMisdirected ? ("a write went elsewhere", true) : FlipBit(partition);
        _trace.Add($"Rot: {damage}, {(isClean ? "clean" : "killed")}, {partition.Describe()}");
        _disk.Notices.Clear();
        var environment = new LogEnvironment(_disk.Files, _disk.Clock, new Random(0));
        using var report = new StringWriter();
        var verdict = new DirectoryVerifier(environment, report).Run("/data");
        _trace.Add(report.ToString());
        Require.That(verdict == DirectoryVerifier.Damaged || !canBeKnown, $"verify finds nothing: {damage}");
        try
        {
            Start();
        }
        catch (Exception e) when (e is LogFormatException or IOException)
        {
            // It says that it cannot go on with this directory.
            return;
        }

        foreach (var other in _partitions.Where(p => p != partition))
        {
            other.Reopened(powerLoss: false);
            Check(other);
        }

        CheckRotten(partition);
        _directory.Dispose();
    }

    private bool Misdirect(PartitionModel partition)
    {
        if (partition.Log.Segments[^1].Size == 0)
        {
            return false;
        }

        var isDone = false;
        _disk.Files.BeforeWrite = (path, position, _) =>
        {
            if (!isDone && position > 0 && path.EndsWith(".log", StringComparison.Ordinal))
            {
                isDone = true;

                // Never exactly over another batch: that looks like cleaning.
                _disk.Files.MisdirectNextWriteTo = _random.Next(1, RecordBatchHeader.Size);
            }
        };
        Append(partition);
        _disk.Files.BeforeWrite = null;
        return isDone;
    }

    private (string What, bool CanBeKnown) FlipBit(PartitionModel partition)
    {
        var files = _disk.Files.List(partition.Directory)
            .Where(f => f.Length > 0 && IsOfTheLog(f.Name)).ToList();
        var logs = files.Where(f => f.Name.EndsWith(".log", StringComparison.Ordinal)).ToList();
        files = _random.Next(2) == 0 && logs.Count > 0 ? logs : files;
        var file = files[_random.Next(files.Count)];
        var (position, bit) = (_random.NextInt64(file.Length), _random.Next(8));
        var path = $"{partition.Directory}/{file.Name}";
        var canBeKnown = CanBeKnown(path, position, file.Length);
        _disk.Files.FlipBit(path, position, bit);
        if (canBeKnown && path.EndsWith(".index", StringComparison.Ordinal))
        {
            canBeKnown = !PointsToABatch(path, position);
        }

        return ($"bit {bit} of byte {position} of {file.Length} in {file.Name} flipped", canBeKnown);
    }

    // Where records were deleted, an epoch may begin behind the first batch, and a transaction in front of it. A kill may
    // leave the beginning of an index entry, which says nothing either way.
    private bool CanBeKnown(string path, long position, long length) => Path.GetExtension(path) switch
    {
        ".log" => !IsOutsideCrc(_disk.Files.ReadAll(path, int.MaxValue)!, position),

        // Another offset of the same batch says the same, and one where another batch ends is what older versions wrote.
        ".timeindex" => position % 12 < 11 && position < length - (length % 12),
        ".index" => position % 8 >= 4 && position < length - (length % 8),
        ".txnindex" or "" => false,
        _ => true,
    };

    // An earlier batch than the entry's own is what Kafka writes for an append of several batches, and leads to it as well.
    private bool PointsToABatch(string index, long position)
    {
        var target = BinaryPrimitives.ReadInt32BigEndian(
            _disk.Files.ReadAll(index, int.MaxValue).AsSpan((int)(position & ~7) + sizeof(int)));
        var reader = new RecordBatchReader(_disk.Files.ReadAll(Path.ChangeExtension(index, ".log"), int.MaxValue)!);
        while (reader.Next() == RecordBatchStep.Batch)
        {
            if (reader.Position == target)
            {
                return true;
            }
        }

        return false;
    }

    // A base offset that is too large looks like the gap that cleaning leaves.
    private static bool IsOutsideCrc(byte[] log, long position)
    {
        var reader = new RecordBatchReader(log);
        while (reader.Next() == RecordBatchStep.Batch)
        {
            if (position < reader.NextPosition)
            {
                return position - reader.Position is < 8 or >= 12 and < 16;
            }
        }

        return false;
    }

    // Which topic id is the right one, the directory alone does not know.
    private static bool IsOfTheLog(string name) =>
        name != "partition.metadata" && Path.GetExtension(name) is not (".deleted" or ".damaged");

    /// <summary>
    /// What is given out with a good CRC was written. The offset of a batch lies outside its CRC, in Kafka's format: that it is
    /// a wrong one, a reader cannot see, but verify and a recovery do.
    /// </summary>
    private static void CheckRotten(PartitionModel partition)
    {
        var log = partition.Log;
        for (var offset = log.Offsets.LogStart; offset < log.Offsets.LogEnd;)
        {
            var read = log.Read(offset, 1000, log.Offsets.LogEnd, atLeastOneBatch: true);
            var bytes = new byte[read.Length];
            read.CopyTo(bytes);
            read.Release();
            var reader = new RecordBatchReader(bytes);
            var next = offset;
            while (reader.Next() == RecordBatchStep.Batch)
            {
                CheckRotten(partition, bytes[(int)reader.Position..(int)reader.NextPosition]);
                next = Math.Max(next, reader.Current.NextOffset);
            }

            if (next == offset)
            {
                // The reader stands before what it cannot read, and knows it.
                return;
            }

            offset = next;
        }
    }

    private static void CheckRotten(PartitionModel partition, byte[] bytes)
    {
        var batch = new RecordBatchInfo(bytes);
        if (!RecordBatchHeader.HasValidCrc(bytes) || batch.IsControl)
        {
            return;
        }

        foreach (var (offset, key, value) in KeyedHistory.Records(bytes))
        {
            Require.That(
                partition.History.Written.GetValueOrDefault(offset) == $"{key}={value}"
                    || partition.History.Written.ContainsValue($"{key}={value}"),
                $"{key}={value} at {offset} was never written: {partition.Describe()}");
        }
    }
}
