using System.Collections.Concurrent;
using System.Text;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage.Tests;

/// <summary>Handles are few, and everything that uses files runs at the same time.</summary>
public sealed class OpenFilesUnderThreadsTests
{
    private const int Limit = 3;
    private const int Logs = 6;
    private const int Held = 4;
    private const int AppendsMin = 1000;
    private const int AppendsMax = 100_000;

    private readonly GuardedFileSystem _files = new(new SimulatedFileSystem(1));
    private readonly ConcurrentQueue<Exception> _errors = new();
    private readonly ConcurrentQueue<StorageNotice> _failures = new();
    private readonly PartitionLog[] _logs = new PartitionLog[Logs];
    private readonly LogEnvironment _environment;
    private readonly LogDirectory _directory;
    private int _reads;
    private int _deletions;
    private int _cleanings;
    private volatile bool _isDone;

    public OpenFilesUnderThreadsTests()
    {
        _environment = new LogEnvironment(_files, new TestClock(), new Random(1))
        {
            OpenFiles = new OpenFileCache(Limit),
            Notices = notice =>
            {
                if (notice.Kind is StorageNoticeKind.Failed or StorageNoticeKind.CleaningFailed)
                {
                    _failures.Enqueue(notice);
                }
            },
        };
        _directory = LogDirectory.Open(_environment, "/data", "cluster", 1);
        for (var i = 0; i < Logs; i++)
        {
            _logs[i] = OpenLog(i, generation: 0);
        }
    }

    [Fact]
    public void EverythingAtOnce_OnFewHandles_NeverMeetsAClosedFile()
    {
        Thread[] others =
        [
            Start(() => ReadAndHold(new Random(1))),
            Start(() => ReadAndHold(new Random(2))),
            Start(Flush),
            Start(Clean),
            Start(Delete),
        ];
        Start(Append).Join();
        _isDone = true;
        Array.ForEach(others, t => t.Join());

        Assert.True(_errors.IsEmpty, string.Join('\n', _errors));
        Assert.True(_files.Violations.IsEmpty, string.Join('\n', _files.Violations));
        Assert.True(_failures.IsEmpty, string.Join('\n', _failures));
        Assert.True(HaveAllDoneEnough, $"{_reads} {_deletions} {_cleanings} {_environment.OpenFiles.Evicted}");

        // What each thread holds at most, what it opens beside the cache, and a deleted log that a reader kept.
        Assert.InRange(_files.Most, Limit, Limit + (2 * Held) + Logs + 20);
        Assert.True(_directory.Close());
        _environment.Deletions.Run(_environment, all: true);
        Assert.DoesNotContain(_files.List("/data"), f => f.Name.EndsWith("-delete", StringComparison.Ordinal));
        Assert.Equal((0, 0), (_files.OpenCount, _environment.OpenFiles.Count));
    }

    /// <summary>Threads get as much of the machine as there is; nobody stops before all have had their part.</summary>
    private bool HaveAllDoneEnough => Volatile.Read(ref _reads) > 100 && Volatile.Read(ref _deletions) > 2
        && Volatile.Read(ref _cleanings) > 2 && _environment.OpenFiles.Evicted > 500;

    private static bool IsCompacted(int number) => number % 2 == 0;

    private PartitionLog OpenLog(int number, int generation) => _directory.OpenPartition(
        $"topic{number}",
        0,
        new KafkaUuid((ulong)number + 1, (ulong)generation),
        LogConfig.Default with
        {
            SegmentBytes = 1500,
            IndexIntervalBytes = 100,
            FileDeleteDelayMs = 0,
            Compact = IsCompacted(number),
        });

    private void Append()
    {
        for (var i = 0; !_isDone && (i < AppendsMin || (i < AppendsMax && !HaveAllDoneEnough)); i++)
        {
            var log = Volatile.Read(ref _logs[i % Logs]);
            var append = Batches.AppendTo(log, Batches.Plain(count: 2, valueSize: 60, key: $"k{i % 40}"));
            Assert.True(append.Error == ErrorCode.None || log.IsClosed, $"{append.Error}");
            log.AdvanceHighWatermark(log.Offsets.LogEnd);
        }
    }

    /// <summary>As a consumer that takes its time: ranges of several logs are held while others go on.</summary>
    private void ReadAndHold(Random random)
    {
        var held = new List<(PartitionLog Log, long Offset, LogRead Read)>();
        while (!_isDone)
        {
            var log = Volatile.Read(ref _logs[random.Next(Logs)]);
            var offset = random.NextInt64(log.Offsets.LogStart, log.Offsets.LogEnd + 1);
            held.Add((log, offset, log.Read(offset, 2000, log.Offsets.LogEnd, atLeastOneBatch: true)));
            if (held.Count == Held)
            {
                foreach (var (from, at, read) in held)
                {
                    Check(from, at, read);
                    read.Release();
                }

                held.Clear();
            }
        }

        held.ForEach(h => h.Read.Release());
    }

    private void Check(PartitionLog log, long offset, LogRead read)
    {
        if (read.Error != ErrorCode.None)
        {
            var isGone = log.IsClosed || offset < log.Offsets.LogStart;
            Assert.True(isGone, $"{read.Error} at {offset} of {log.Offsets.LogStart}-{log.Offsets.LogEnd}");
            return;
        }

        Interlocked.Increment(ref _reads);
        var bytes = new byte[read.Length];
        Assert.Equal(read.Length, read.CopyTo(bytes));
        var reader = new RecordBatchReader(bytes);
        while (reader.Next() == RecordBatchStep.Batch)
        {
            Assert.True(RecordBatchHeader.HasValidCrc(bytes.AsSpan((int)reader.Position..(int)reader.NextPosition)));
            Assert.True(reader.Current.LastOffset >= offset, Encoding.UTF8.GetString(bytes.AsSpan(0, 8)));
            offset = reader.Current.NextOffset;
        }
    }

    private void Flush()
    {
        var flushes = Enumerable.Range(0, Logs).Select(_ => new LogFlush()).ToList();
        while (!_isDone)
        {
            for (var i = 0; i < Logs; i++)
            {
                Volatile.Read(ref _logs[i]).BeginFlush(flushes[i]);
            }

            _directory.FlushTogether(flushes);
            for (var i = 0; i < Logs; i++)
            {
                flushes[i].EndOfItsLog();
            }

            _directory.FlushDue();
            _directory.WriteCheckpoints();
            _environment.Deletions.Run(_environment, all: true);
        }
    }

    private void Clean()
    {
        while (!_isDone)
        {
            for (var i = 0; i < Logs; i += 2)
            {
                var report = Volatile.Read(ref _logs[i]).Compact(CompactionOptions.Default with { IoBufferBytes = 500 });
                Assert.NotEqual(CompactionOutcome.Uncleanable, report.Outcome);
                _cleanings += report.Outcome == CompactionOutcome.Cleaned ? 1 : 0;
            }
        }
    }

    /// <summary>Moves log starts up, and deletes whole logs and makes them anew under the same name.</summary>
    private void Delete()
    {
        for (var round = 1; !_isDone; round++)
        {
            for (var i = 1; i < Logs; i += 2)
            {
                var log = _logs[i];
                log.DeleteRecordsTo(Math.Max(log.Offsets.LogStart, log.Offsets.HighWatermark - 60));
            }

            if (round % 20 == 0)
            {
                var number = 1 + (2 * (round / 20 % (Logs / 2)));
                _directory.DeletePartition(_logs[number]);
                Volatile.Write(ref _logs[number], OpenLog(number, round));
                _deletions++;
            }

            Thread.Yield();
        }
    }

    private Thread Start(Action action)
    {
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                _errors.Enqueue(e);
                _isDone = true;
            }
        });
        thread.Start();
        return thread;
    }
}

internal static class LogFlushExtensions
{
    /// <summary>Ends a flush at the log that began it, which may not be in its place any more.</summary>
    public static void EndOfItsLog(this LogFlush flush) => flush.Log!.EndFlush(flush);
}
