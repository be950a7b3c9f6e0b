using Orleans.Kafka.Protocol;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;
using Orleans.Kafka.Storage.Tests.Compaction;

namespace Orleans.Kafka.Simulation.Tests;

/// <summary>What one partition was told and what it promised: what must be there after whatever happens.</summary>
internal sealed class PartitionModel(string topic, int seed, KafkaUuid topicId, LogConfig config)
{
    private List<byte[]> _inFlight = [];
    private long _cutTo = long.MaxValue;
    private long _startAtMost;

    public string Topic { get; } = topic;

    public KafkaUuid TopicId { get; } = topicId;

    public LogConfig Config { get; set; } = config;

    public PartitionLog Log { get; set; } = null!;

    /// <summary>Every batch that was acknowledged, and what producers send next.</summary>
    public KeyedHistory History { get; } = new(seed);

    /// <summary>Behind the last batch that was acknowledged.</summary>
    public long End { get; private set; }

    public long Start { get; set; }

    /// <summary>A power loss takes nothing below.</summary>
    public long Durable { get; private set; }

    /// <summary>The log start that is on disk.</summary>
    public long DurableStart { get; private set; }

    public string Directory => $"/data/{Topic}-0";

    public IEnumerable<byte[]> Batches =>
        History.Appended.Values.Where(b => new RecordBatchInfo(b).LastOffset >= Start);

    public void BeginAppend(IEnumerable<LogAppend> appends) => _inFlight = [.. appends.Select(a => a.Records.First.ToArray())];

    public void BeginTruncation(long to) => _cutTo = to;

    public void BeginMoveOfStart(long atMost) => _startAtMost = Math.Max(_startAtMost, atMost);

    /// <summary>What was begun is over: it happened, or it did not and nobody minds.</summary>
    public void Settle()
    {
        _inFlight = [];
        _cutTo = long.MaxValue;
        _startAtMost = Start;
    }

    public void Acknowledged(LogAppend append)
    {
        Require.Equal(End, append.BaseOffset, "base offset of an append");
        History.Remember(append.Records.First.ToArray());
        End = append.LastOffset + 1;
    }

    public void Flushed(long upTo) => Durable = Math.Max(Durable, upTo);

    public void StartIsDurable() => DurableStart = Start;

    /// <summary>A truncation came back: what the log has now counts.</summary>
    public void Truncated(long to)
    {
        Require.That(Log.Offsets.LogEnd <= to && Log.Offsets.LogEnd >= Floor(to), $"truncated to {to}: {Describe()}");
        Adopt();
    }

    /// <summary>
    /// The log was opened again. Of what was acknowledged all must be there, or after a power loss all that was flushed;
    /// of what was under way any whole beginning may be.
    /// </summary>
    /// <param name="powerLoss">The machine lost power.</param>
    /// <param name="isStray">The directory was set aside: it does not tell whose it is.</param>
    public void Reopened(bool powerLoss, bool isStray = false)
    {
        if (isStray && End > 0)
        {
            // That file is flushed with the first records; those that were deleted count for nothing.
            Require.That(Durable <= Start && powerLoss, $"flushed, and yet a stray: {Describe()}");
            Durable = 0;
            DurableStart = 0;
        }

        var (start, end) = (Log.Offsets.LogStart, Log.Offsets.LogEnd);
        var promised = Math.Min(powerLoss ? Durable : End, Floor(_cutTo));
        Require.That(end >= promised, $"ends at {end}, promised {promised}: {Describe()}");
        foreach (var bytes in _inFlight)
        {
            // The log entered the offset when it took the batch; if it did not come to that, it is not there.
            var batch = new RecordBatchInfo(bytes);
            if (batch.BaseOffset == End && batch.NextOffset <= end)
            {
                History.Remember(bytes);
                End = batch.NextOffset;
            }
        }

        Require.That(end <= End, $"ends at {end}, nothing was written behind {End}: {Describe()}");
        var lowest = Math.Min(DurableStart, Floor(_cutTo));
        var highest = Math.Max(Math.Max(Start, _startAtMost), end);
        Require.That(start >= lowest && start <= highest, $"starts at {start}, not in {lowest}..{highest}: {Describe()}");
        Adopt();
    }

    public string Describe() =>
        $"{Topic} {Log?.Offsets.LogStart} {Log?.Offsets.LastStable} {Log?.Offsets.HighWatermark} {Log?.Offsets.LogEnd} rp {Log?.RecoveryPoint}, model " +
        $"{Start} ({DurableStart}) {End} ({Durable}), segments {string.Join(' ', Log?.Segments.Select(s => s.BaseOffset) ?? [])}";

    // Batches go whole.
    private long Floor(long offset)
    {
        if (offset >= End)
        {
            return offset;
        }

        var first = History.Appended.Values.FirstOrDefault(b => new RecordBatchInfo(b).LastOffset >= offset);
        return first is null ? offset : Math.Min(offset, new RecordBatchInfo(first).BaseOffset);
    }

    private void Adopt()
    {
        End = Log.Offsets.LogEnd;
        Start = Log.Offsets.LogStart;
        Durable = Math.Min(Durable, End);
        DurableStart = Math.Min(DurableStart, Start);
        History.GoOnFrom(Log);
        Settle();
    }
}
