using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.LogTool;

/// <summary>A log of random batches in small segments, and random damage done to its files.</summary>
internal sealed class DamagedLog
{
    public const string Directory = "/data/topic-0";

    private readonly Random _random;
    private readonly List<(string File, int Position, byte[] Bytes)> _batches = [];

    public DamagedLog(int seed)
    {
        _random = new Random(seed);
        Disk = new TestDisk(seed);
        var config = LogConfig.Default with
        {
            SegmentBytes = _random.Next(300, 2000),
            IndexIntervalBytes = _random.Next(64, 400),
        };
        var directory = LogDirectory.Open(Disk.Environment, "/data", "cluster", 1);
        var log = directory.OpenPartition("topic", 0, ToolDisk.TopicId, config);
        var isClean = _random.Next(2) == 0;
        Fill(directory, log);
        if (isClean)
        {
            Assert.True(directory.Close());
        }
        else
        {
            directory.Dispose();
            Disk.Files.Kill();
        }

        Disk.NewEnvironment();
        Remember();
        var damages = _random.Next(1, 4);
        for (var i = 0; i < damages; i++)
        {
            Damage();
        }

        Disk.Files.TryFlushAll("/data");
    }

    public TestDisk Disk { get; }

    /// <summary>What was done to it.</summary>
    public List<string> Story { get; } = [];

    /// <summary>Batches that nothing was done to.</summary>
    public List<byte[]> Intact => [.. _batches.Where(IsIntact).Select(b => b.Bytes)];

    /// <summary>Batches as they were.</summary>
    public HashSet<string> Original => [.. _batches.Select(b => Key(b.Bytes))];

    /// <summary>A batch but for its leader epoch, which nothing but a file of its own can tell to be wrong.</summary>
    public static string Key(byte[] batch)
    {
        var bytes = batch.ToArray();
        bytes.AsSpan(RecordBatchHeader.LeaderEpochAt, sizeof(int)).Clear();
        return Convert.ToHexString(bytes);
    }

    private void Fill(LogDirectory directory, PartitionLog log)
    {
        var sequences = new int[3];
        var isOpen = new bool[3];
        for (var left = _random.Next(10, 60); left > 0; left--)
        {
            var producer = _random.Next(3);
            switch (_random.Next(12))
            {
                case < 5:
                    Batches.MustAppend(log, Batches.Plain(_random.Next(1, 4), Batches.Epoch2026 + left, _random.Next(60)));
                    break;
                case < 9:
                    var count = _random.Next(1, 4);
                    Batches.MustAppend(log, Batches.Idempotent(producer, 0, sequences[producer], count, transactional: producer > 0));
                    sequences[producer] += count;
                    isOpen[producer] |= producer > 0;
                    break;
                case 9 when isOpen[producer]:
                    var marker = Batches.Marker(producer, 0, commit: _random.Next(2) == 0);
                    Batches.MustAppend(log, marker, AppendOrigin.Coordinator);
                    isOpen[producer] = false;
                    break;
                case 10:
                    log.Flush();
                    break;
                case 11:
                    log.AdvanceHighWatermark(log.Offsets.LogEnd);
                    directory.WriteCheckpoints();
                    break;
            }
        }
    }

    private void Remember()
    {
        foreach (var name in Names().Where(n => n.EndsWith(LogFileName.Log, StringComparison.Ordinal)))
        {
            var bytes = Read(name);
            for (var at = 0; at < bytes.Length;)
            {
                var size = RecordBatchHeader.Length(bytes.AsSpan(at)) + RecordBatchHeader.LengthOverhead;
                _batches.Add((name, at, bytes[at..(at + size)]));
                at += size;
            }
        }
    }

    private void Damage()
    {
        var names = Names().Where(n => n != LogFileName.PartitionMetadata).ToList();
        if (names.Count == 0)
        {
            return;
        }

        var name = names[_random.Next(names.Count)];
        var bytes = Read(name);
        var at = _random.Next(bytes.Length + 1);
        var count = _random.Next(1, Math.Max(2, Math.Min(200, bytes.Length - at)));
        var kind = _random.Next(6);
        Story.Add($"{kind} {name} {at} {count}");
        var piece = bytes.AsSpan(Math.Min(at, bytes.Length), Math.Min(count, bytes.Length - at));
        switch (kind)
        {
            case 0:
                _random.NextBytes(piece);
                break;
            case 1:
                piece.Clear();
                break;
            case 2:
                bytes = bytes[..at];
                break;
            case 3:
                bytes = [.. bytes, .. piece];
                break;
            case 4 when piece.Length > 0:
                piece[0] ^= (byte)(1 << _random.Next(8));
                break;
            case 5 when _random.Next(3) == 0:
                Disk.Files.DeleteFile($"{Directory}/{name}");
                return;
        }

        ToolDisk.Write(Disk, $"{Directory}/{name}", bytes);
    }

    private bool IsIntact((string File, int Position, byte[] Bytes) batch)
    {
        var bytes = Disk.Files.ReadAll($"{Directory}/{batch.File}", int.MaxValue) ?? [];
        return bytes.AsSpan(Math.Min(batch.Position, bytes.Length)).StartsWith(batch.Bytes);
    }

    private List<string> Names() =>
        [.. Disk.Files.List(Directory).Select(f => f.Name).Order(StringComparer.Ordinal)];

    private byte[] Read(string name) => Disk.Files.ReadAll($"{Directory}/{name}", int.MaxValue) ?? [];
}
