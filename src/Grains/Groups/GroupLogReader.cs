using System.Buffers;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Grains.Groups;

/// <summary>
/// Reads the groups that a partition of <c>__consumer_offsets</c> tells of, in one pass: the last record of each key
/// counts. Offsets committed in a transaction count when its marker says so.
/// </summary>
internal sealed class GroupLogReader(Func<string, bool> isWanted)
{
    private const int ReadSize = 4 << 20;
    private const int BatchSizeMax = 256 << 20;

    private readonly Dictionary<string, GroupImage> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<long, List<GroupRecord>> _open = [];

    /// <summary>Reads a log up to its present end.</summary>
    /// <exception cref="IOException">The log cannot be read.</exception>
    public static Dictionary<string, GroupImage> Read(PartitionLog log, Func<string, bool> isWanted)
    {
        var reader = new GroupLogReader(isWanted);
        long end = log.Offsets.LogEnd;
        long offset = log.Offsets.LogStart;
        while (offset < end)
        {
            byte[] bytes = ReadBytes(log, offset, end);
            long next = reader.Apply(bytes, offset);
            if (next <= offset)
            {
                break;
            }

            offset = next;
        }

        foreach (string empty in reader._groups.Where(each => each.Value.IsEmpty).Select(each => each.Key).ToList())
        {
            reader._groups.Remove(empty);
        }

        return reader._groups;
    }

    private static byte[] ReadBytes(PartitionLog log, long offset, long end)
    {
        LogRead read = log.Read(offset, ReadSize, end, atLeastOneBatch: true);
        try
        {
            if (read.Error != ErrorCode.None)
            {
                throw new IOException($"offset {offset} cannot be read: {read.Error}");
            }

            byte[] bytes = new byte[read.Length];
            return read.CopyTo(bytes) == bytes.Length ? bytes : throw new IOException($"offset {offset} is cut off");
        }
        finally
        {
            read.Release();
        }
    }

    private long Apply(byte[] bytes, long offset)
    {
        var batches = new RecordBatchReader(bytes);
        while (batches.Next() == RecordBatchStep.Batch)
        {
            RecordBatchInfo batch = batches.Current;
            Apply(batch, bytes.AsMemory((int)batches.Position + RecordBatchHeader.Size, batch.Size - RecordBatchHeader.Size));
            offset = batch.NextOffset;
        }

        return offset;
    }

    private void Apply(in RecordBatchInfo batch, ReadOnlyMemory<byte> records)
    {
        if (batch.Codec == 0)
        {
            Apply(batch, records.Span);
            return;
        }

        using var buffer = new DecompressionBuffer();
        if (!Compressions.TryDecompress(
            (CompressionCodec)batch.Codec, new ReadOnlySequence<byte>(records), BatchSizeMax, buffer))
        {
            throw new IOException($"the batch at offset {batch.BaseOffset} cannot be decompressed");
        }

        Apply(batch, buffer.Written);
    }

    private void Apply(in RecordBatchInfo batch, ReadOnlySpan<byte> records)
    {
        var reader = new RecordReader(batch, records);
        while (reader.Next())
        {
            if (batch.IsControl)
            {
                EndTransaction(batch.ProducerId, reader.Key);
            }
            else if (GroupRecords.GroupOf(reader.Key, out short type) is { } group && isWanted(group))
            {
                var record = new GroupRecord(
                    reader.Key.ToArray(), reader.ValueIsNull ? null : reader.Value.ToArray(), reader.Timestamp);
                if (!batch.IsTransactional)
                {
                    Apply(group, type, record);
                }
                else if (_open.TryGetValue(batch.ProducerId, out List<GroupRecord>? open))
                {
                    open.Add(record);
                }
                else
                {
                    _open[batch.ProducerId] = [record];
                }
            }
        }
    }

    private void EndTransaction(long producerId, ReadOnlySpan<byte> controlKey)
    {
        bool isCommit = controlKey.Length >= 4 && controlKey[3] == (byte)ControlType.Commit;
        if (!_open.Remove(producerId, out List<GroupRecord>? records) || !isCommit)
        {
            return;
        }

        foreach (GroupRecord record in records)
        {
            Apply(GroupRecords.GroupOf(record.Key, out short type)!, type, record);
        }
    }

    private void Apply(string group, short type, GroupRecord record)
    {
        if (!_groups.TryGetValue(group, out GroupImage? image))
        {
            _groups[group] = image = new GroupImage();
        }

        image.Apply(type, record);
    }
}
