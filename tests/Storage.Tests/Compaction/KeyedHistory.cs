using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Compaction;

/// <summary>
/// Writes a random history of keyed records - plain, idempotent, transactional, compressed, tombstones - and knows what
/// a reader of committed data must see at its end.
/// </summary>
internal sealed class KeyedHistory(int seed)
{
    private const int Keys = 12;
    private readonly Random _random = new(seed);
    private readonly int[] _sequences = new int[8];
    private readonly bool[] _isOpen = new bool[8];
    private int _value;

    /// <summary>Every record that was ever written, by offset: key and value.</summary>
    public SortedDictionary<long, string> Written { get; } = [];

    /// <summary>Every batch and marker that was written, by base offset, as the log got it.</summary>
    public SortedDictionary<long, byte[]> Appended { get; } = [];

    public Random Random => _random;

    public static LogConfig Config(Random random) => LogConfig.Default with
    {
        Compact = true,
        Delete = false,
        SegmentBytes = random.Next(400, 2000),
        IndexIntervalBytes = random.Next(0, 300),
        SegmentIndexBytes = random.Next(64, 400),
        MaxMessageBytes = 400,
        DeleteRetentionMs = random.Next(3) * 1000,
        FileDeleteDelayMs = 0,
        ProducerIdExpirationMs = long.MaxValue,
    };

    public void Append(PartitionLog log, int batches, long timestamp, bool isReplicated = true)
    {
        for (var i = 0; i < batches; i++)
        {
            MustAppend(log, Next(timestamp + i));
        }

        log.AdvanceHighWatermark(isReplicated ? log.Offsets.LogEnd : 0);
    }

    /// <summary>The log lost its end: the producers go on from what it has.</summary>
    public void GoOnFrom(PartitionLog log)
    {
        foreach (var gone in Appended.Where(b => new RecordBatchInfo(b.Value).LastOffset >= log.Offsets.LogEnd).ToList())
        {
            Appended.Remove(gone.Key);
        }

        foreach (var gone in Written.Keys.Where(o => o >= log.Offsets.LogEnd).ToList())
        {
            Written.Remove(gone);
        }

        Array.Clear(_sequences);
        Array.Clear(_isOpen);
        foreach (var producer in log.DescribeProducers())
        {
            _sequences[producer.ProducerId] = producer.LastSequence + 1;
            _isOpen[producer.ProducerId] = producer.TransactionFirstOffset >= 0;
        }
    }

    /// <summary>What <see cref="Committed"/> must give, from what was written.</summary>
    public Dictionary<string, string> Expected(PartitionLog log)
    {
        var state = new Dictionary<string, string>();
        foreach (var bytes in Appended.Values)
        {
            var batch = new RecordBatchInfo(bytes);
            if (!batch.IsControl && IsReadable(log, batch) && !IsAborted(batch))
            {
                Enter(state, bytes, log.Offsets.LogStart);
            }
        }

        return state;
    }

    /// <summary>Ends what is open, so that everything before can be cleaned.</summary>
    public void EndTransactions(PartitionLog log)
    {
        while (NextMarker() is { } marker)
        {
            MustAppend(log, marker);
        }

        log.AdvanceHighWatermark(log.Offsets.LogEnd);
    }

    /// <summary>What a reader of committed data knows at the last stable offset: the last value of each key.</summary>
    public static Dictionary<string, string> Committed(PartitionLog log)
    {
        var aborted = log.Segments.SelectMany(s => s.TransactionIndex.ReadAll()).ToList();
        var state = new Dictionary<string, string>();
        foreach (var bytes in Batches.ReadAll(log, 700))
        {
            var batch = new RecordBatchInfo(bytes);
            if (batch.IsControl || !IsReadable(log, batch)
                || (batch.IsTransactional && aborted.Exists(t => t.ProducerId == batch.ProducerId
                    && t.FirstOffset <= batch.BaseOffset && batch.LastOffset < t.LastOffset)))
            {
                continue;
            }

            Enter(state, bytes, log.Offsets.LogStart);
        }

        return state;
    }

    public static List<(long Offset, string Key, string? Value)> Records(byte[] bytes)
    {
        var batch = new RecordBatchInfo(bytes);
        var result = new List<(long Offset, string Key, string? Value)>();
        var reader = new RecordReader(batch, Unpack(bytes));
        while (reader.Next())
        {
            result.Add((
                reader.Offset,
                Encoding.UTF8.GetString(reader.Key),
                reader.ValueIsNull ? null : Encoding.UTF8.GetString(reader.Value)));
        }

        Assert.False(reader.Failed);
        return result;
    }

    /// <summary>The records of a batch as they were before they were compressed.</summary>
    public static byte[] Unpack(byte[] bytes)
    {
        var records = bytes[RecordBatchHeader.Size..];
        var codec = (CompressionCodec)new RecordBatchInfo(bytes).Codec;
        if (codec == CompressionCodec.None)
        {
            return records;
        }

        var unpacked = new ArrayBufferWriter<byte>();
        Assert.True(Compressions.TryDecompress(codec, new ReadOnlySequence<byte>(records), 1 << 20, unpacked));
        return unpacked.WrittenSpan.ToArray();
    }

    /// <summary>The same batch with its records compressed.</summary>
    public static byte[] Compress(byte[] batch, CompressionCodec codec)
    {
        var packed = new ArrayBufferWriter<byte>();
        packed.Write(batch.AsSpan(0, RecordBatchHeader.Size));
        var records = new ReadOnlySequence<byte>(batch, RecordBatchHeader.Size, batch.Length - RecordBatchHeader.Size);
        Assert.True(Compressions.TryCompress(codec, records, packed));
        var bytes = packed.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(RecordBatchHeader.LengthAt), bytes.Length - 12);
        bytes[RecordBatchHeader.AttributesAt + 1] |= (byte)codec;
        RecordBatchHeader.Seal(bytes);
        return bytes;
    }

    private static bool IsReadable(PartitionLog log, RecordBatchInfo batch) =>
        batch.LastOffset >= log.Offsets.LogStart && batch.LastOffset < log.Offsets.LastStable;

    private static void Enter(Dictionary<string, string> state, byte[] bytes, long from)
    {
        foreach (var (offset, key, value) in Records(bytes))
        {
            if (offset < from)
            {
                continue;
            }

            if (value is null)
            {
                state.Remove(key);
            }
            else
            {
                state[key] = value;
            }
        }
    }

    private bool IsAborted(RecordBatchInfo batch)
    {
        if (!batch.IsTransactional)
        {
            return false;
        }

        var marker = Appended.Values.First(b => new RecordBatchInfo(b) is { IsControl: true } m
            && m.ProducerId == batch.ProducerId && m.BaseOffset > batch.BaseOffset);
        return ControlRecord.TryRead(new RecordBatchInfo(marker), marker.AsSpan(RecordBatchHeader.Size), out var control)
            && control.Type == ControlType.Abort;
    }

    /// <summary>The next batch or marker that its producer would send; it counts when <see cref="Remember"/> is told.</summary>
    public LogAppend Next(long timestamp)
    {
        var producer = _random.Next(_isOpen.Length);
        var isTransactional = producer >= 4;
        if (isTransactional && _isOpen[producer] && _random.Next(3) == 0)
        {
            return End(producer);
        }

        var builder = new RecordBatchBuilder();
        var count = _random.Next(1, 5);
        if (producer >= 2)
        {
            builder.ProducerId = producer;
            builder.ProducerEpoch = 0;
            builder.BaseSequence = _sequences[producer];
            builder.Attributes = isTransactional ? RecordBatchHeader.TransactionalFlag : (short)0;
            _sequences[producer] += count;
            _isOpen[producer] = isTransactional;
        }

        for (var i = 0; i < count; i++)
        {
            var key = $"key-{_random.Next(Keys)}";
            var value = _random.Next(5) == 0 ? null : $"value-{_value++}";
            builder.Add(
                timestamp + _random.Next(50),
                Encoding.UTF8.GetBytes(key),
                value is null ? null : Encoding.UTF8.GetBytes(value));
        }

        var codec = (CompressionCodec)(_random.Next(3) == 0 ? _random.Next(5) : 0);
        var bytes = builder.Build().ToArray();
        return Batches.Of(codec == CompressionCodec.None ? bytes : Compress(bytes, codec));
    }

    /// <summary>The log has the batch, and has entered its offset.</summary>
    public void Remember(byte[] bytes)
    {
        var batch = new RecordBatchInfo(bytes);
        Appended[batch.BaseOffset] = bytes;
        foreach (var (offset, key, value) in batch.IsControl ? [] : Records(bytes))
        {
            Written[offset] = $"{key}={value}";
        }
    }

    /// <summary>Ends a transaction that is open.</summary>
    public LogAppend? NextMarker()
    {
        var producer = Array.IndexOf(_isOpen, true, 4);
        return producer < 0 ? null : End(producer);
    }

    private LogAppend End(int producer)
    {
        _isOpen[producer] = false;
        return Batches.Of(Batches.Marker(producer, 0, _random.Next(2) == 0), AppendOrigin.Coordinator);
    }

    private void MustAppend(PartitionLog log, LogAppend append)
    {
        log.Append(append);
        Assert.Equal(ErrorCode.None, append.Error);
        Remember(append.Records.First.ToArray());
    }
}
