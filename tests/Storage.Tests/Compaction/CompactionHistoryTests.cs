using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Compaction;

/// <summary>
/// Random histories of a compacted log with everything that meets cleaning: crashes in and between rounds, truncation,
/// DeleteRecords, clean stops, changes of policy. After each step a reader of committed data sees what was written.
/// </summary>
public sealed class CompactionHistoryTests
{
    private static readonly int SeedsPerCase =
        int.TryParse(Environment.GetEnvironmentVariable("ORLEANS_KAFKA_SEEDS"), out var seeds) ? seeds : 40;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void History_WithCrashesAndCleaning_ShowsWhatWasWritten(bool powerLoss)
    {
        for (var seed = 0; seed < SeedsPerCase; seed++)
        {
            var run = new Run(seed, powerLoss);
            try
            {
                run.Play();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}\n{run.Trace}", e);
            }
        }
    }

    private sealed class Run(int seed, bool powerLoss)
    {
        private readonly TestDisk _disk = new(seed);
        private readonly KeyedHistory _history = new(seed);
        private readonly Random _random = new(seed + 1);
        private readonly List<string> _trace = [];
        private LogConfig _config = LogConfig.Default;
        private DyingFileSystem _files = null!;
        private LogDirectory _directory = null!;
        private PartitionLog _log = null!;
        private long _flushed;

        public string Trace => string.Join("\n", _trace.TakeLast(10));

        public void Play()
        {
            _config = KeyedHistory.Config(_random) with { Delete = true, RetentionMs = -1 };
            Open();
            for (var step = 0; step < 60; step++)
            {
                Step(_random.Next(12));
                Check();
            }

            _directory.Dispose();
        }

        private void Step(int kind)
        {
            var offsets = _log.Offsets;
            _trace.Add($"{kind}: {offsets.LogStart} {offsets.LastStable} {offsets.HighWatermark} {offsets.LogEnd}, flushed " +
                $"{_flushed}, cleaned {_log.CleanerCheckpoint}: {string.Join(' ', _log.Segments.Select(s => s.BaseOffset))}");
            switch (kind)
            {
                case < 5:
                    _history.Append(_log, _random.Next(1, 12), _disk.Clock.NowMs, isReplicated: _random.Next(3) > 0);
                    break;
                case 5:
                    _history.EndTransactions(_log);
                    _log.Roll();
                    break;
                case 6:
                    _disk.Clock.NowMs += _random.Next(3000);
                    Assert.NotEqual(CompactionOutcome.Uncleanable, _log.Compact(Options()).Outcome);
                    _flushed = offsets.LogEnd;
                    break;
                case 7:
                    _log.DeleteRecordsTo(_random.NextInt64(offsets.LogStart, offsets.LastStable + 1));
                    _directory.WriteCheckpoints();
                    break;
                case 8:
                    Truncate();
                    break;
                case 9:
                    Assert.True(_directory.Close());
                    Open();

                    // As in Kafka, a snapshot does not tell which decisions were not replicated yet.
                    _log.AdvanceHighWatermark(_log.Offsets.LogEnd);
                    _flushed = _log.Offsets.LogEnd;
                    break;
                default:
                    Crash(whileCleaning: kind == 10);
                    break;
            }

            _disk.Environment.Deletions.Run(_disk.Environment);
        }

        private CompactionOptions Options() => CompactionOptions.Default with
        {
            KeyMapBytes = _random.Next(3) == 0 ? 24 * 16 : 1 << 20,
            IoBufferBytes = 100,
        };

        private void Truncate()
        {
            Assert.Equal(ErrorCode.None, _log.TruncateTo(_random.NextInt64(
                _log.Offsets.HighWatermark, _log.Offsets.LogEnd + 1)));
            _history.GoOnFrom(_log);
            _flushed = Math.Min(_flushed, _log.Offsets.LogEnd);
        }

        private void Crash(bool whileCleaning)
        {
            var end = _log.Offsets.LogEnd;
            if (whileCleaning)
            {
                _files.DieBefore = _random.Next(1, 60);
                _log.Compact(Options());
            }

            if (!_files.IsDead)
            {
                _files.DieNow();
            }

            _directory.Dispose();

            // Another policy must not take gaps for damage.
            Open(_config with { Compact = _random.Next(2) == 0 });
            _log.Config = _config;
            _trace.Add($"opened: {_log.Offsets.LogStart} {_log.Offsets.LogEnd} {string.Join(',', _disk.Notices.TakeLast(3))}");
            Assert.InRange(_log.Offsets.LogEnd, powerLoss ? _flushed : end, end);
            _history.GoOnFrom(_log);
            _log.AdvanceHighWatermark(_log.Offsets.LogEnd);
            Assert.DoesNotContain(
                _disk.Files.List("/data/topic-0"),
                f => f.Name.EndsWith(".swap", StringComparison.Ordinal) || f.Name.EndsWith(".cleaned", StringComparison.Ordinal));
        }

        private void Open(LogConfig? config = null)
        {
            _files = new DyingFileSystem(_disk.Files) { PowerLoss = powerLoss };
            var environment = new LogEnvironment(_files, _disk.Clock, new Random(seed)) { Notices = _disk.Notices.Add };
            _directory = LogDirectory.Open(environment, "/data", "cluster", 1);
            _log = _directory.OpenPartition("topic", 0, new KafkaUuid(1, 2), config ?? _config);
            if (_trace.Count == 0)
            {
                // A log that was never flushed may begin anywhere: that is another test's matter.
                _history.Append(_log, 1, _disk.Clock.NowMs);
                _log.Flush();
                _directory.WriteCheckpoints();
            }
        }

        private void Check()
        {
            Assert.Equal(_history.Expected(_log), KeyedHistory.Committed(_log));
            var next = 0L;
            foreach (var bytes in Batches.ReadAll(_log, _random.Next(100, 2000)))
            {
                var batch = new RecordBatchInfo(bytes);
                Assert.True(batch.BaseOffset >= next, $"{batch.BaseOffset} behind {next}");
                next = batch.NextOffset;
                foreach (var (offset, key, value) in batch.IsControl ? [] : KeyedHistory.Records(bytes))
                {
                    Assert.Equal(_history.Written[offset], $"{key}={value}");
                }
            }
        }
    }
}
