namespace Orleans.Kafka.Storage;

/// <summary>
/// The log of one partition. It puts its parts in order - segments, indexes, producers, epochs, recovery - and holds
/// none of their rules. One caller at a time changes it (calls from several threads wait for each other); reading takes
/// no lock. What is durable: what <see cref="Flush"/> returned for, and what survived in the page cache if only the
/// process died. A failed write or flush ends the log: every later change answers
/// <see cref="ErrorCode.KafkaStorageError"/> until it is opened again.
/// </summary>
public sealed partial class PartitionLog : IDisposable
{
    private readonly Lock _gate = new();
    private readonly LogEnvironment _environment;
    private readonly ProducerStateTable _producers = new();
    private readonly LeaderEpochCache _epochs = new();
    private volatile LogConfig _config;
    private volatile LogSegment[] _segments = [];
    private long _recoveryPoint;
    private long _recordsSinceFlush;
    private long _lastFlushMs;
    private long _lastSnapshotOffset = -1;
    private List<long>? _unflushedSnapshots;
    private long _rollJitterMs;
    private bool _isDirectoryDirty;
    private volatile bool _isFailed;
    private volatile bool _isClosed;

    private PartitionLog(LogEnvironment environment, string directory, string topic, int partition, LogConfig config)
    {
        _environment = environment;
        _config = config;
        Directory = directory;
        Topic = topic;
        Partition = partition;
        _lastFlushMs = environment.NowMs;
        _rollJitterMs = NextJitter();
    }

    /// <summary>Where its files lie.</summary>
    public string Directory { get; private set; }

    /// <summary>The topic's name.</summary>
    public string Topic { get; }

    /// <summary>The partition's number.</summary>
    public int Partition { get; }

    /// <summary>The topic settings it obeys; a new one counts from the next call on.</summary>
    public LogConfig Config
    {
        get => _config;
        set => _config = value;
    }

    /// <summary>The offsets, to be read at any time.</summary>
    public LogOffsets Offsets { get; } = new();

    /// <summary>A write or flush failed: only reading is still possible.</summary>
    public bool IsFailed => _isFailed;

    /// <summary>The log was closed and takes nothing more.</summary>
    public bool IsClosed => _isClosed;

    /// <summary>Everything below this offset is on disk for good; recovery starts here.</summary>
    public long RecoveryPoint => Volatile.Read(ref _recoveryPoint);

    /// <summary>How the log was opened.</summary>
    public RecoveryReport Recovery { get; private set; } = RecoveryReport.Empty;

    /// <summary>Segments now.</summary>
    public int SegmentCount => _segments.Length;

    /// <summary>Bytes of all segments.</summary>
    public long SizeBytes
    {
        get
        {
            var size = 0L;
            foreach (var segment in _segments)
            {
                size += segment.Size;
            }

            return size;
        }
    }

    /// <summary>The newest leader epoch that was assigned or seen, -1 for none.</summary>
    public int LatestLeaderEpoch => _epochs.Latest;

    /// <summary>All leader epochs known, oldest first.</summary>
    public IReadOnlyList<LeaderEpochStart> LeaderEpochs => _epochs.Entries.ToArray();

    /// <summary>Segments were rolled, or flush settings are due: the host should call <see cref="Flush"/> soon.</summary>
    public bool IsFlushDue
    {
        get
        {
            var config = _config;
            var unflushed = Offsets.LogEnd > RecoveryPoint;
            return unflushed && (RecoveryPoint < _segments[^1].BaseOffset
                || Interlocked.Read(ref _recordsSinceFlush) >= config.FlushMessages
                || (config.FlushMs != long.MaxValue && _environment.NowMs - _lastFlushMs >= config.FlushMs));
        }
    }

    /// <summary>
    /// A flush failed. The system then counts the pages as written, and later flushes succeed without them: what is not
    /// below the recovery point must be written again before it can be flushed.
    /// </summary>
    internal bool HasLostFlush { get; private set; }

    /// <summary>It was closed with all it needs to be opened without a recovery.</summary>
    internal bool IsClosedCleanly { get; set; }

    internal string Name => $"{Topic}-{Partition}";

    internal IReadOnlyList<LogSegment> Segments => _segments;

    internal ProducerStateTable Producers => _producers;

    private LogSegment Active => _segments[^1];

    /// <summary>
    /// The leader learned how far its followers are. Never goes back; values beyond the log end count as the log end, and
    /// with <see cref="LogConfig.FlushBeforeAck"/> those beyond what is on disk as that: nobody reads what a power loss
    /// could take back.
    /// </summary>
    /// <returns>True if it moved.</returns>
    public bool AdvanceHighWatermark(long offset)
    {
        lock (_gate)
        {
            offset = Math.Min(offset, _config.FlushBeforeAck ? Math.Min(_recoveryPoint, Offsets.LogEnd) : Offsets.LogEnd);
            if (offset <= Offsets.HighWatermark)
            {
                return false;
            }

            _producers.HighWatermarkMoved(offset);
            PublishOffsets(Offsets.LogStart, offset, Offsets.LogEnd);
            return true;
        }
    }

    /// <summary>A leader epoch begins at the log end (or, on a follower, where the leader says).</summary>
    public void AssignLeaderEpoch(int epoch, long startOffset)
    {
        lock (_gate)
        {
            _epochs.Assign(epoch, startOffset);
        }
    }

    /// <summary>Where an epoch ended (Kafka's OffsetForLeaderEpoch); (-1, -1) if it cannot be told.</summary>
    public (int Epoch, long EndOffset) EndOffsetForEpoch(int epoch) => _epochs.EndOffsetFor(epoch, Offsets.LogEnd);

    /// <summary>Forgets producers idle for longer than the settings say; for a periodic call.</summary>
    /// <returns>How many went.</returns>
    public int RemoveExpiredProducers()
    {
        lock (_gate)
        {
            return _producers.RemoveExpired(_environment.NowMs, _config.ProducerIdExpirationMs);
        }
    }

    /// <summary>The producers that the log knows (DescribeProducers).</summary>
    public IReadOnlyList<ActiveProducer> DescribeProducers()
    {
        lock (_gate)
        {
            return
            [
                .. _producers.All.Select(p => new ActiveProducer(
                    p.ProducerId, p.Epoch, p.LastSequence, p.LastTimestamp, p.CoordinatorEpoch,
                    p.TransactionFirstOffset)),
            ];
        }
    }

    private void PublishOffsets(long logStart, long highWatermark, long logEnd)
    {
        var unstable = _producers.FirstUnstableOffset;
        var lastStable = unstable >= 0 && unstable < highWatermark ? Math.Max(unstable, logStart) : highWatermark;
        Offsets.Set(logStart, lastStable, highWatermark, logEnd);
    }

    private void Poison(string path, Exception cause)
    {
        _isFailed = true;
        NoticeFailure(path, cause);
    }

    /// <summary>Who still reads a log that is being deleted may miss files; nothing is wrong then.</summary>
    private void NoticeFailure(string path, Exception cause)
    {
        if (!_isClosed)
        {
            _environment.Notice(StorageNoticeKind.Failed, path, cause.Message);
        }
    }
}

/// <summary>A producer as DescribeProducers shows it.</summary>
public readonly record struct ActiveProducer(
    long ProducerId, short Epoch, int LastSequence, long LastTimestampMs, int CoordinatorEpoch,
    long TransactionFirstOffset);
