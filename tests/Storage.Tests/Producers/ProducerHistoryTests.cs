using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests.Producers;

/// <summary>
/// Random histories of producers - in order, again, with gaps, across the wrap, with old and new epochs, in
/// transactions - on a log that rolls, is cut, cleaned, deletes records, forgets producers, stops, dies. Every answer,
/// the last stable offset, what a reader of committed data sees and what is known of each producer must be what
/// <see cref="ProducerModel"/> says.
/// </summary>
public sealed class ProducerHistoryTests
{
    // A quick selection; ORLEANS_KAFKA_SEEDS asks for more.
    private static readonly int SeedsPerCase =
        int.TryParse(Environment.GetEnvironmentVariable("ORLEANS_KAFKA_SEEDS"), out var seeds) ? seeds : 60;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void History_OfProducers_IsAnsweredByKafkasRules(bool powerLoss, bool compact)
    {
        for (var seed = 0; seed < SeedsPerCase; seed++)
        {
            var history = new History(seed, powerLoss, compact);
            try
            {
                history.Run();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}\n{history.Trace}", e);
            }
        }
    }

    private sealed class History(int seed, bool powerLoss, bool compact)
    {
        private const int Producers = 6;
        private static readonly KafkaUuid TopicId = new(1, 2);
        private readonly Random _random = new(seed);
        private readonly TestDisk _disk = new(seed);
        private readonly ProducerModel _model = new();
        private readonly List<ProducerWrite> _sent = [];
        private readonly List<string> _trace = [];
        private LogConfig _config = LogConfig.Default;
        private LogDirectory _directory = null!;
        private PartitionLog _log = null!;
        private long _cleanedTo;

        public string Trace => string.Join("\n", _trace.TakeLast(25));

        public void Run()
        {
            _config = LogConfig.Default with
            {
                SegmentBytes = _random.Next(300, 2000),
                IndexIntervalBytes = _random.Next(0, 300),
                SegmentIndexBytes = _random.Next(36, 400),
                MaxMessageBytes = 300,
                RetentionBytes = _random.Next(3) == 0 ? _random.Next(1000, 4000) : -1,
                RetentionMs = -1,
                Compact = compact,
                FileDeleteDelayMs = 0,
                ProducerIdExpirationMs = _random.Next(2) == 0 ? int.MaxValue : _random.Next(200, 2000),
            };
            Open();
            for (var step = 0; step < 120; step++)
            {
                Step(_random.Next(24));
                Check();
            }

            _directory.Dispose();
        }

        private void Step(int kind)
        {
            _disk.Clock.NowMs += _random.Next(20);
            _trace.Add($"{kind}: {_log.Offsets.LogStart} {_log.Offsets.LastStable} {_log.Offsets.HighWatermark} "
                + $"{_log.Offsets.LogEnd}, segments {string.Join(' ', _log.Segments.Select(s => s.BaseOffset))}");
            switch (kind)
            {
                case < 14:
                    AppendSome();
                    break;
                case 14:
                    Assert.True(_log.Flush());
                    break;
                case 15:
                    _directory.WriteCheckpoints();
                    break;
                case 16:
                    _log.Roll();
                    break;
                case 17:
                    DeleteRecords();
                    break;
                case 18:
                    Truncate();
                    break;
                case 19:
                    Stop(isClean: true);
                    break;
                case 20:
                    TearAWrite();
                    break;
                case 21:
                    Expire();
                    break;
                case 22 when compact:
                    _cleanedTo = Math.Max(_cleanedTo, _log.Offsets.LastStable);
                    _log.Compact(new CompactionOptions());
                    break;
                default:
                    Stop(isClean: false);
                    break;
            }
        }

        private void AppendSome()
        {
            var writes = Enumerable.Range(0, _random.Next(1, 5)).Select(_ => NextWrite()).ToList();
            var appends = writes.Select(Append).ToArray();
            _log.Append(appends);
            for (var i = 0; i < writes.Count; i++)
            {
                _trace.Add($"  {writes[i]}: {appends[i].Error} {appends[i].BaseOffset}");
                Compare(writes[i], appends[i]);
                _sent.Add(writes[i]);
            }

            _log.AdvanceHighWatermark(_random.NextInt64(_log.Offsets.HighWatermark, _log.Offsets.LogEnd + 1));
        }

        private void Compare(ProducerWrite write, LogAppend append)
        {
            var (error, offset) = _model.Offer(write, append.IsDuplicate ? append.BaseOffset : -1);
            Assert.Equal((error, offset), (append.Error, append.BaseOffset));
            Assert.Equal(error != ErrorCode.None ? -1 : offset + write.Count - 1, append.LastOffset);
        }

        private static LogAppend Append(ProducerWrite write)
        {
            var append = Batches.Of(
                write.Bytes(), write.Commits is null ? AppendOrigin.Client : AppendOrigin.Coordinator);
            append.TransactionVersion = write.TransactionVersion;
            return append;
        }

        private ProducerWrite NextWrite()
        {
            if (_sent.Count > 0 && _random.Next(5) == 0)
            {
                // Again, perhaps with another idea of where it ends.
                var again = _sent[^_random.Next(1, Math.Min(_sent.Count, 12) + 1)];
                return _random.Next(4) == 0 && again.Commits is null ? again with { Count = _random.Next(1, 4) } : again;
            }

            var id = _random.Next(Producers);
            var known = _model.Producers.GetValueOrDefault(id);
            var isTransactional = id >= Producers / 2 ? _random.Next(20) != 0 : _random.Next(20) == 0;
            var epoch = (short)Math.Max(0, (known?.Epoch ?? 0) + (_random.Next(10) == 0 ? _random.Next(-1, 3) : 0));
            var write = new ProducerWrite(
                id, epoch, SequenceOf(known, epoch), _random.Next(1, 5), isTransactional, _disk.Clock.NowMs)
            {
                TransactionVersion = (short)(_random.Next(2) * 2),
            };
            return isTransactional && _random.Next(3) == 0 ? Marker(write, known) : write;
        }

        private int SequenceOf(ProducerModel.Known? known, short epoch)
        {
            if (known is null)
            {
                return _random.Next(3) switch
                {
                    0 => 0,
                    1 => _random.Next(int.MaxValue - 6, int.MaxValue),
                    _ => _random.Next(0, 1000),
                };
            }

            var due = known.Epoch == epoch && known.Batches.Count > 0 ? ProducerModel.Next(known.Batches[0].Last) : 0;
            return _random.Next(10) == 0 ? ProducerSequence.Add(due, _random.Next(3)) : due;
        }

        private ProducerWrite Marker(ProducerWrite write, ProducerModel.Known? known) => write with
        {
            Commits = _random.Next(2) == 0,
            Count = 1,
            Epoch = (short)(write.Epoch + (write.TransactionVersion == 2 && _random.Next(8) != 0 ? 1 : 0)),
            CoordinatorEpoch = Math.Max(0, (known?.CoordinatorEpoch ?? 0) + (_random.Next(8) == 0 ? _random.Next(-1, 2) : 0)),
        };

        private void DeleteRecords()
        {
            if (_random.Next(2) == 0)
            {
                var to = _random.NextInt64(_log.Offsets.LogStart, _log.Offsets.HighWatermark + 1);
                Assert.Equal(ErrorCode.None, _log.DeleteRecordsTo(to));
            }
            else
            {
                _log.ApplyRetention();
            }

            if (_random.Next(2) == 0)
            {
                _directory.WriteCheckpoints();
            }
        }

        private void Truncate()
        {
            if (_random.Next(6) == 0)
            {
                var start = _random.NextInt64(_log.Offsets.LogStart, _log.Offsets.LogEnd + 5);
                Assert.Equal(ErrorCode.None, _log.TruncateFullyAndStartAt(start));
                _model.Clear(start);
                _cleanedTo = 0;
                return;
            }

            // What is committed is never cut; a cleaned log relies on that.
            var floor = compact ? Math.Max(_cleanedTo, _log.Offsets.LastStable) : Math.Max(_log.Offsets.LogStart, _log.Offsets.LogEnd - 20);
            var to = _random.NextInt64(Math.Min(floor, _log.Offsets.LogEnd), _log.Offsets.LogEnd + 1);
            var before = _log.Offsets.LogEnd;
            Assert.Equal(ErrorCode.None, _log.TruncateTo(to));
            if (_log.Offsets.LogEnd < before)
            {
                Rebuild();
            }
        }

        private void Expire()
        {
            _disk.Clock.NowMs += _random.Next(500);
            _log.RemoveExpiredProducers();
            foreach (var (id, known) in _model.Producers.ToList())
            {
                if (ProducerModel.IsExpired(known, _disk.Clock.NowMs, _config.ProducerIdExpirationMs))
                {
                    _model.Forget(id);
                }
            }
        }

        private void TearAWrite()
        {
            _disk.Files.TearNextWriteAt = _random.Next(0, 150);
            var append = Append(NextWrite() with { Commits = null, Timestamp = _disk.Clock.NowMs });
            _log.Append(append);
            var wasTorn = _disk.Files.TearNextWriteAt < 0;
            _disk.Files.TearNextWriteAt = -1;

            // Nothing was to be written, or another file was torn: then it does not matter, or the log has failed.
            Assert.True(wasTorn || append.Error != ErrorCode.KafkaStorageError);
            Stop(isClean: false);
        }

        private void Stop(bool isClean)
        {
            if (isClean)
            {
                Assert.True(_directory.Close());
            }
            else
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
            }

            Open();
            Rebuild();
        }

        private void Open()
        {
            _directory = LogDirectory.Open(_disk.NewEnvironment(), "/data", "cluster", 1);
            _log = _directory.OpenPartition("topic", 0, TopicId, _config);
        }

        /// <summary>The log lost its end, or its memory: what it must still know, it does.</summary>
        private void Rebuild()
        {
            _log.AdvanceHighWatermark(_log.Offsets.LogEnd);
            if (_log.Offsets.LogEnd < _model.End)
            {
                _sent.Clear();
            }

            _model.Rebuild(Math.Min(_log.Offsets.LogEnd, _model.End));
            TakeOverUnacknowledged();
            if (powerLoss && Compare() is not null)
            {
                // The snapshot in front of the first segment is gone.
                _model.ForgetBefore(_log.Segments[0].BaseOffset);
            }

            if (Compare() is { } difference)
            {
                Assert.Fail(difference);
            }
        }

        /// <summary>Null if the log knows what it must know of each producer; expired ones may be forgotten.</summary>
        private string? Compare()
        {
            var actual = _log.DescribeProducers().ToDictionary(p => p.ProducerId);
            foreach (var (id, known) in _model.Producers.ToList())
            {
                var isKept = actual.TryGetValue(id, out var found);
                var expires = _config.ProducerIdExpirationMs != int.MaxValue;
                if (!isKept && ProducerModel.IsExpired(known, _disk.Clock.NowMs, _config.ProducerIdExpirationMs))
                {
                    _model.Forget(id);
                }
                else if (found != known.Describe(id) && !(isKept && expires && _model.TryAdopt(id, found)))
                {
                    return $"expected {known.Describe(id)}, found {(isKept ? found : "nothing")}";
                }
            }

            return null;
        }

        /// <summary>What was refused because of a torn write may be there whole all the same.</summary>
        private void TakeOverUnacknowledged()
        {
            foreach (var batch in Batches.Infos(_log).Where(b => b.BaseOffset >= _model.End).ToList())
            {
                Assert.False(batch.IsControl);
                _model.Accept(new ProducerWrite(
                    batch.ProducerId, batch.ProducerEpoch, batch.BaseSequence, batch.RecordCount, batch.IsTransactional,
                    batch.BaseTimestamp));
            }
        }

        private void Check()
        {
            var offsets = _log.Offsets;
            Assert.Equal(_model.End, offsets.LogEnd);
            Assert.Equal(
                _model.Producers.Select(p => p.Value.Describe(p.Key)).OrderBy(p => p.ProducerId),
                _log.DescribeProducers().OrderBy(p => p.ProducerId));
            Assert.Equal(_model.LastStable(offsets.HighWatermark, offsets.LogStart), offsets.LastStable);
            var expected = _model.Committed(offsets.LogStart, offsets.LastStable);
            var found = Committed();
            Assert.True(
                compact ? found.TrueForAll(expected.Contains) : expected.SequenceEqual(found),
                $"committed are {string.Join(' ', expected)}, seen are {string.Join(' ', found)}");
        }

        /// <summary>As a consumer does: the batches that Fetch gives, without those it says were aborted.</summary>
        private List<long> Committed()
        {
            var result = new List<long>();
            for (var offset = _log.Offsets.LogStart; offset < _log.Offsets.LastStable;)
            {
                var read = _log.Read(
                    offset, _random.Next(1, 600), _log.Offsets.LastStable, atLeastOneBatch: true,
                    withAbortedTransactions: true);
                var bytes = new byte[read.Length];
                Assert.Equal(bytes.Length, read.CopyTo(bytes));
                read.Release();
                var reader = new RecordBatchReader(bytes);
                while (reader.Next() == RecordBatchStep.Batch)
                {
                    var batch = reader.Current;
                    offset = batch.NextOffset;
                    if (!batch.IsControl && !(batch.IsTransactional && read.AbortedTransactions!.Any(t =>
                        t.ProducerId == batch.ProducerId && t.FirstOffset <= batch.BaseOffset
                        && batch.BaseOffset < t.LastOffset)))
                    {
                        result.Add(batch.BaseOffset);
                    }
                }

                if (bytes.Length == 0)
                {
                    break;
                }
            }

            return result;
        }
    }
}
