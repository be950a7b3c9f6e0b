using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>
/// Random histories on a disk that crashes. A model keeps what was acknowledged and what was flushed; after each
/// opening the log must hold the flushed records, in order, once, and nothing that was never written.
/// </summary>
public sealed class CrashTests
{
    // A quick selection; ORLEANS_KAFKA_SEEDS asks for more.
    private static readonly int SeedsPerCase =
        int.TryParse(Environment.GetEnvironmentVariable("ORLEANS_KAFKA_SEEDS"), out var seeds) ? seeds : 40;

    [Theory]
    [InlineData(false, 0)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    [InlineData(true, 0)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    public void History_WithCrashes_LosesNothingThatWasPromised(bool powerLoss, int part)
    {
        for (var seed = part * SeedsPerCase; seed < (part + 1) * SeedsPerCase; seed++)
        {
            var history = new History(seed, powerLoss);
            try
            {
                history.Run();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidOperationException(
                    $"seed {seed}, power loss {powerLoss}: {e.Message}\n{history.Trace}", e);
            }
        }
    }

    private sealed class History(int seed, bool powerLoss)
    {
        private static readonly KafkaUuid TopicId = new(1, 2);
        private readonly Random _random = new(seed);
        private readonly TestDisk _disk = new(seed);

        // Every batch that was acknowledged, by base offset, as it was written.
        private readonly SortedDictionary<long, byte[]> _written = [];
        private readonly int[] _sequences = new int[3];
        private readonly List<string> _trace = [];
        private LogDirectory _directory = null!;
        private PartitionLog _log = null!;
        private LogConfig _config = LogConfig.Default;
        private long _flushed;
        private long _start;
        private long _knownStart;

        public string Trace => string.Join("\n", _trace.TakeLast(12));

        public void Run()
        {
            _config = LogConfig.Default with
            {
                SegmentBytes = _random.Next(300, 3000),
                IndexIntervalBytes = _random.Next(0, 500),
                SegmentIndexBytes = _random.Next(36, 400),
                MaxMessageBytes = 300,
                FileDeleteDelayMs = 0,
                ProducerIdExpirationMs = long.MaxValue,
            };
            Open();
            for (var step = 0; step < 120; step++)
            {
                Step();
            }

            Crash();
        }

        private void Step()
        {
            var kind = _random.Next(20);
            _trace.Add(
                $"{kind}: {_log.Offsets.LogStart} {_log.Offsets.HighWatermark} {_log.Offsets.LogEnd}, recovery point " +
                $"{_log.RecoveryPoint}, flushed {_flushed}, start {_start} known {_knownStart}, " +
                $"segments {string.Join(' ', _log.Segments.Select(s => s.BaseOffset))}");
            switch (kind)
            {
                case < 11:
                    AppendSome();
                    break;
                case 11 or 12:
                    Assert.True(_log.Flush());
                    _flushed = _log.Offsets.LogEnd;
                    break;
                case 13:
                    _directory.WriteCheckpoints();
                    _flushed = Math.Max(_flushed, _log.RecoveryPoint);
                    _knownStart = _start;
                    break;
                case 14:
                    _log.Roll();
                    break;
                case 15:
                    DeleteRecords();
                    break;
                case 16:
                    Truncate();
                    break;
                case 17:
                    CloseAndOpen();
                    break;
                case 18:
                    TearAWrite();
                    break;
                default:
                    Crash();
                    break;
            }
        }

        private void AppendSome()
        {
            var appends = Enumerable.Range(0, _random.Next(1, 5)).Select(_ => Batches.Of(NextBatch())).ToArray();
            _log.Append(appends);
            foreach (var append in appends)
            {
                Assert.Equal(ErrorCode.None, append.Error);
                Remember(append);
            }

            _log.AdvanceHighWatermark(_random.NextInt64(_log.Offsets.HighWatermark, _log.Offsets.LogEnd + 1));
        }

        private byte[] NextBatch()
        {
            var producer = _random.Next(4);
            var count = _random.Next(1, 4);
            var time = Batches.Epoch2026 + _random.Next(100_000);
            if (producer == 3)
            {
                return Batches.Plain(count, time, _random.Next(0, 40));
            }

            var batch = Batches.Idempotent(producer, 0, _sequences[producer], count, timestamp: time);
            _sequences[producer] += count;
            return batch;
        }

        private void Remember(LogAppend append) => _written[append.BaseOffset] = append.Records.First.ToArray();

        private void TearAWrite()
        {
            var before = _log.Offsets.LogEnd;
            _disk.Files.TearNextWriteAt = _random.Next(0, 100);
            var append = Batches.AppendTo(_log, Batches.Plain(2));
            _disk.Files.TearNextWriteAt = -1;
            if (append.Error == ErrorCode.None)
            {
                // The tear hit another file: then the log has failed or nothing is lost.
                Remember(append);
                return;
            }

            Assert.Equal((ErrorCode.KafkaStorageError, before), (append.Error, _log.Offsets.LogEnd));
            Assert.True(_log.IsFailed);
            Assert.Equal(ErrorCode.KafkaStorageError, Batches.AppendTo(_log, Batches.Plain()).Error);
            Reopen();
        }

        private void DeleteRecords()
        {
            var to = _random.NextInt64(_start, _log.Offsets.HighWatermark + 1);
            Assert.Equal(ErrorCode.None, _log.DeleteRecordsTo(to));
            _start = Math.Max(_start, to);
            Assert.Equal(_start, _log.Offsets.LogStart);
            _disk.Environment.Deletions.Run(_disk.Environment);
        }

        private void Truncate()
        {
            var to = _random.NextInt64(Math.Max(_start, _log.Offsets.LogEnd - 10), _log.Offsets.LogEnd + 1);
            Assert.Equal(ErrorCode.None, _log.TruncateTo(to));
            Forget(_log.Offsets.LogEnd);
            Assert.True(_log.Offsets.LogEnd <= to);

            // Batches go whole, so that the end may come to lie below the old start.
            _start = _log.Offsets.LogStart;
            _knownStart = Math.Min(_knownStart, _start);
            _flushed = Math.Min(_flushed, _log.Offsets.LogEnd);
            Check();
        }

        private void Forget(long from)
        {
            foreach (var offset in
                _written.Where(b => new RecordBatchInfo(b.Value).LastOffset >= from).Select(b => b.Key).ToList())
            {
                _written.Remove(offset);
            }

            // The producers go on from what the log still has.
            Array.Clear(_sequences);
            foreach (var producer in _log.DescribeProducers())
            {
                _sequences[producer.ProducerId] = producer.LastSequence + 1;
            }
        }

        private void CloseAndOpen()
        {
            Assert.True(_directory.Close());
            var end = _log.Offsets.LogEnd;
            Open();
            Assert.True(_directory.WasClean);
            Assert.Equal((end, 0L), (_log.Offsets.LogEnd, _log.Recovery.BytesCut));
            _flushed = end;
            _knownStart = _start;
            Check();
        }

        private void Crash()
        {
            _directory.Dispose();
            if (powerLoss)
            {
                _disk.Files.Crash();
            }
            else
            {
                _disk.Files.Kill();
            }

            Reopen();
        }

        private void Reopen()
        {
            var before = _log.Offsets.LogEnd;
            _directory.Dispose();
            _disk.Notices.Clear();
            Open();
            if (_disk.Notices.Exists(n => n.Kind == StorageNoticeKind.Stray))
            {
                // A directory that was never flushed lost the file that says whose it is.
                Assert.Equal((0L, true), (_flushed, powerLoss));
                _knownStart = 0;
            }

            // kill -9 loses nothing that was written; a power cut nothing that was flushed.
            var promised = powerLoss ? _flushed : before;
            Assert.True(_log.Offsets.LogEnd >= promised, $"ends at {_log.Offsets.LogEnd}, promised {promised}");
            Assert.True(_log.Offsets.LogEnd <= before);
            Assert.InRange(_log.Offsets.LogStart, _knownStart, Math.Max(_start, _log.Offsets.LogEnd));
            _start = _log.Offsets.LogStart;
            Forget(_log.Offsets.LogEnd);
            Check();
        }

        private void Open()
        {
            _directory = LogDirectory.Open(_disk.NewEnvironment(), "/data", "cluster", 1);
            _log = _directory.OpenPartition("topic", 0, TopicId, _config);
        }

        private void Check()
        {
            var expected = _written.Where(b => new RecordBatchInfo(b.Value).LastOffset >= _start)
                .Select(b => b.Value).ToList();
            var actual = Batches.ReadAll(_log, _random.Next(1, 2000));
            Assert.True(
                expected.Count == actual.Count,
                $"expected {Offsets(expected)}, found {Offsets(actual)}, {_log.Recovery} " +
                string.Join("; ", _disk.Notices.TakeLast(4)));
            for (var i = 0; i < actual.Count; i++)
            {
                Assert.True(actual[i].AsSpan().SequenceEqual(expected[i]), $"batch {i} differs");
            }

            var time = Batches.Epoch2026 + _random.Next(110_000);
            var first = expected.SelectMany(Records).FirstOrDefault(r => r.Time >= time && r.Offset >= _start, (-1, -1));
            var found = _log.ByTimestamp(time, _log.Offsets.LogEnd);
            Assert.Equal(first, (found.Offset, found.TimestampMs));
        }

        private static string Offsets(List<byte[]> batches) =>
            string.Join(' ', batches.Select(b => new RecordBatchInfo(b).BaseOffset));

        private static List<(long Offset, long Time)> Records(byte[] bytes)
        {
            var result = new List<(long Offset, long Time)>();
            var reader = new RecordReader(new RecordBatchInfo(bytes), bytes.AsSpan(RecordBatchHeader.Size));
            while (reader.Next())
            {
                result.Add((reader.Offset, reader.Timestamp));
            }

            return result;
        }
    }
}
