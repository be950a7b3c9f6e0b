using Orleans.Kafka.Protocol;
using Orleans.Kafka.Storage;
using Orleans.Kafka.Storage.Tests;
using Orleans.Kafka.Storage.Tests.Compaction;

namespace Orleans.Kafka.Simulation.Tests;

/// <summary>
/// A random life of a log directory, all of it decided by one number: partitions come and go, take records, flush, roll, are
/// cut, cleaned and emptied, while the process dies, the machine loses power and the disk fails.
/// </summary>
internal sealed partial class History
{
    private const int Steps = 100;

    private readonly Random _random;
    private readonly TestDisk _disk;
    private readonly List<PartitionModel> _partitions = [];
    private readonly List<string> _trace = [];
    private readonly Func<IFileSystem, IFileSystem> _flaw;
    private DyingFileSystem _files = null!;
    private LogEnvironment _environment = null!;
    private LogDirectory _directory = null!;
    private ulong _topics;

    public History(int seed, Func<IFileSystem, IFileSystem>? flaw = null)
    {
        _random = new Random(seed);
        _disk = new TestDisk(seed);
        _flaw = flaw ?? (static files => files);
    }

    /// <summary>Every step so far, and what the log said to it.</summary>
    public IReadOnlyList<string> Trace => _trace;

    public void Run()
    {
        var count = _random.Next(8) == 0 ? 9 : _random.Next(1, 4);
        for (var i = 0; i < count; i++)
        {
            _partitions.Add(NewPartition($"topic{i}"));
        }

        Start();
        for (var step = 0; step < Steps; step++)
        {
            Step();
        }

        EndFault();
        Die(_random.Next(2) == 0);
        Rot();
    }

    private PartitionModel NewPartition(string topic)
    {
        var isCompacted = _random.Next(3) == 0;
        var config = KeyedHistory.Config(_random) with
        {
            Compact = isCompacted,
            Delete = !isCompacted || _random.Next(2) == 0,
            RetentionMs = _random.Next(3) == 0 ? _random.Next(100_000) : -1,
            RetentionBytes = _random.Next(3) == 0 ? _random.Next(10_000) : -1,
            FileDeleteDelayMs = _random.Next(2) * 1000,
            FlushBeforeAck = _random.Next(3) == 0,
            MinCompactionLagMs = _random.Next(3) == 0 ? _random.Next(2000) : 0,
        };
        return new PartitionModel(topic, _random.Next(), new KafkaUuid(7, ++_topics), config);
    }

    private void Step()
    {
        _disk.Clock.NowMs += _random.Next(2000);
        var partition = _partitions[_random.Next(_partitions.Count)];
        var action = Choose();
        _trace.Add($"{action.Method.Name}: {partition.Describe()}{FaultName}");
        try
        {
            action(partition);
        }
        catch (IOException) when (IsExcused)
        {
            // What failed is not known to have happened.
        }

        if (_files.IsDead || !Heal())
        {
            Restart(_files.PowerLoss);
            return;
        }

        foreach (var p in _partitions)
        {
            p.Flushed(p.Log.RecoveryPoint);
            Require.That(
                !p.Config.FlushBeforeAck || p.Log.Offsets.HighWatermark <= p.Log.RecoveryPoint,
                $"readers see what is not on disk: {p.Describe()}");
        }

        if (_random.Next(10) == 0)
        {
            Check(_partitions[_random.Next(_partitions.Count)]);
        }
    }

    private Action<PartitionModel> Choose() => _random.Next(100) switch
    {
        < 36 => Append,
        < 41 => Flush,
        < 45 => Checkpoint,
        < 49 => Roll,
        < 52 => DeleteRecords,
        < 55 => ApplyRetention,
        < 58 => Truncate,
        < 63 => Compact,
        < 66 => StopAndStart,
        < 69 => Kill,
        < 72 => LosePower,
        < 77 => DieSoon,
        < 82 => FlushTogether,
        < 85 => FlushAll,
        < 87 => DeleteAndMakeAnew,
        < 91 => SendAgain,
        < 95 => LookUp,
        < 97 => RemoveLeftovers,
        _ => BeginFault,
    };

    private void Start(int dieBefore = 0)
    {
        _files = new DyingFileSystem(_disk.Files) { DieBefore = dieBefore, PowerLoss = _random.Next(2) == 0 };
        _environment = new LogEnvironment(_flaw(_files), _disk.Clock, new Random(_random.Next())) { Notices = Notice };
        _directory = LogDirectory.Open(_environment, "/data", "cluster", 1);
        foreach (var partition in _partitions)
        {
            OpenPartition(partition);
        }

        _files.DieBefore = 0;
    }

    private void Notice(StorageNotice notice)
    {
        _disk.Notices.Add(notice);
        _trace.Add($"    {notice.Kind} {notice.Path}: {notice.Text}");
    }

    private void OpenPartition(PartitionModel partition) =>
        partition.Log = _directory.OpenPartition(partition.Topic, 0, partition.TopicId, partition.Config);

    private void Kill(PartitionModel partition) => Die(powerLoss: false);

    private void LosePower(PartitionModel partition) => Die(powerLoss: true);

    private void DieSoon(PartitionModel partition)
    {
        // A death between a flush that fails and the note of it leaves nobody who knows.
        if (!_disk.Files.LoseNextFlush)
        {
            _files.PowerLoss = _random.Next(2) == 0;
            _files.DieBefore = _random.Next(1, 80);
        }
    }

    private void Die(bool powerLoss)
    {
        _files.PowerLoss = powerLoss;
        _files.DieNow();
        Restart(powerLoss);
    }

    private void StopAndStart(PartitionModel partition)
    {
        var isClean = _directory.Close();
        Require.That(isClean || IsExcused, "a stop was not clean");
        if (!isClean)
        {
            if (!_files.IsDead)
            {
                Die(powerLoss: false);
            }

            return;
        }

        EndFault();
        var ends = _partitions.Select(p => p.End).ToList();
        Start();
        Require.That(_directory.WasClean, "a clean stop left no marker");
        foreach (var (p, end) in _partitions.Zip(ends))
        {
            Require.Equal((end, 0L), (p.Log.Offsets.LogEnd, p.Log.Recovery.BytesCut), $"after a clean stop, {p.Describe()}");
            p.Flushed(end);
            p.StartIsDurable();
            p.Reopened(powerLoss: false);
        }

        CatchUp();
    }

    private void Restart(bool powerLoss)
    {
        _directory.Dispose();
        EndFault();
        var strays = _partitions.ToDictionary(p => p, Strays);

        // It may die again while it recovers.
        for (var isDying = _random.Next(4) == 0; ; isDying = false)
        {
            try
            {
                Start(isDying ? _random.Next(1, 60) : 0);
                if (!_files.IsDead)
                {
                    break;
                }

                // What it died over was not worth failing for.
                _directory.Dispose();
                powerLoss |= _files.PowerLoss;
            }
            catch (IOException) when (_files.IsDead)
            {
                _directory.Dispose();
                powerLoss |= _files.PowerLoss;
            }
        }

        foreach (var partition in _partitions)
        {
            partition.Reopened(powerLoss, Strays(partition) > strays[partition]);
        }

        CatchUp();
    }

    private int Strays(PartitionModel partition) => _disk.Files.List("/data").Count(
        f => f.Name.StartsWith($"{partition.Topic}-0.", StringComparison.Ordinal)
            && f.Name.EndsWith("-stray", StringComparison.Ordinal));

    /// <summary>
    /// All that is there gets replicated, at once or later. Where cleaning went beyond the high watermark of the checkpoint, a
    /// reader in between would miss what newer values made superfluous; and without a checkpoint nobody may read.
    /// </summary>
    private void CatchUp()
    {
        foreach (var partition in _partitions)
        {
            if (partition.Config.FlushBeforeAck)
            {
                Flush(partition);
            }

            var isKnown = partition.Log.Offsets.HighWatermark > partition.Log.Segments[0].BaseOffset;
            if (partition.Config.Compact || !isKnown || _random.Next(2) == 0)
            {
                partition.Log.AdvanceHighWatermark(partition.Log.Offsets.LogEnd);
            }

            Check(partition);
        }
    }

    /// <summary>Logs that failed are opened again by the same process, as their grains do.</summary>
    /// <returns>False if it died over it.</returns>
    private bool Heal()
    {
        if (!_partitions.Exists(p => p.Log.IsFailed || p.Log.IsClosed))
        {
            if (_random.Next(5) == 0)
            {
                EndFault();
            }

            return true;
        }

        Require.That(IsExcused, "a log failed without a cause");
        EndFault();
        try
        {
            foreach (var partition in _partitions.Where(p => p.Log.IsFailed || p.Log.IsClosed))
            {
                partition.Log.Dispose();
                OpenPartition(partition);
                partition.Reopened(powerLoss: false);
            }

            CatchUp();
        }
        catch (IOException) when (_files.IsDead)
        {
            return false;
        }

        return !_files.IsDead;
    }
}
