using System.Globalization;
using Orleans.Kafka.Protocol;

namespace Orleans.Kafka.LogTool;

/// <summary>What an operator asks of a repair.</summary>
/// <param name="Path">A log directory, or the directory of one partition.</param>
/// <param name="IsAgreed">Do it; else only tell.</param>
/// <param name="KeepsRest">Cut out what is damaged and keep what lies behind it.</param>
/// <param name="TopicId">The id to write into <c>partition.metadata</c>; only for one partition.</param>
internal sealed record RepairRequest(string Path, bool IsAgreed, bool KeepsRest, KafkaUuid? TopicId);

/// <summary>A partition's directory, and what its log directory knows of it.</summary>
/// <param name="Directory">Its path.</param>
/// <param name="Topic">Topic, by the directory's name.</param>
/// <param name="Partition">Number, by the directory's name.</param>
internal sealed record RepairTarget(string Directory, string Topic, int Partition)
{
    public (string Topic, int Partition) Key => (Topic, Partition);

    /// <summary>It was stopped cleanly: everything must be there.</summary>
    public bool IsClean { get; init; }

    /// <summary>Recover it even if nothing is wrong: its broker was not stopped cleanly.</summary>
    public bool IsDirty { get; init; }

    /// <summary>Cleaning may have left holes.</summary>
    public bool IsCompacted { get; init; }

    /// <summary>From the checkpoint; null if there is none: then a hole is no reason to cut.</summary>
    public long? RecoveryPoint { get; init; }

    public long LogStart { get; init; }

    public long HighWatermark { get; init; }

    public long? CleanerOffset { get; init; }

    /// <summary>Cut out what is damaged and keep what lies behind it.</summary>
    public bool KeepsRest { get; init; }

    /// <summary>The topic id to write; null to leave it as it is.</summary>
    public KafkaUuid? TopicId { get; init; }
}

/// <summary>What a recovery came to, on the disk or beside it.</summary>
/// <param name="Before">What the directory held before, swaps of a cleaning brought to their end.</param>
/// <param name="Start">Log start.</param>
/// <param name="End">Log end.</param>
/// <param name="HighWatermark">High watermark.</param>
/// <param name="Emptied">Offsets whose records were cut out, each time the first and the one behind the last.</param>
internal sealed record RepairOutcome(
    PartitionVerifier Before, long Start, long End, long HighWatermark, IReadOnlyList<(long From, long To)> Emptied);

/// <summary>What a repair takes out of a log.</summary>
/// <param name="Ranges">Offsets that were there, or are known to have been: the first and the one behind the last.</param>
/// <param name="Batches">Whole batches: they lie behind the damage.</param>
/// <param name="Records">Records in these.</param>
/// <param name="Bytes">Bytes of <c>.log</c> files, those of damaged batches and of no batch among them.</param>
internal sealed record RepairLoss(IReadOnlyList<(long From, long To)> Ranges, long Batches, long Records, long Bytes)
{
    public long Offsets => Ranges.Sum(r => r.To - r.From);

    public bool IsNothing => Ranges.Count == 0 && Batches <= 0;

    public override string ToString()
    {
        var bytes = string.Create(CultureInfo.InvariantCulture, $"{Bytes} bytes");
        if (IsNothing)
        {
            return Bytes == 0 ? "nothing" : $"no record; {bytes} that are no batch leave the log";
        }

        var ranges = string.Join(", ", Ranges.Select(
            r => string.Create(CultureInfo.InvariantCulture, $"{r.From}-{r.To - 1}")));
        var text = string.Create(CultureInfo.InvariantCulture, $"offsets {ranges} ({Offsets}), {bytes}; ");
        return text + (Batches <= 0
            ? "no whole batch is among them"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{Batches} whole batches with {Records} records are among them (--keep-rest keeps those)"));
    }
}
