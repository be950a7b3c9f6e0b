using System.Buffers.Binary;
using System.Globalization;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>
/// Repairs the directory of one partition with the broker's own recovery, which trusts nothing here. A plan is the same
/// done on an <see cref="OverlayFileSystem"/>.
/// </summary>
internal sealed class PartitionRepair(LogEnvironment environment, RepairTarget target)
{
    /// <summary>What is wrong, as <c>verify</c> says it.</summary>
    public IReadOnlyList<Finding> Findings { get; private set; } = [];

    /// <summary>What a repair changes, in words.</summary>
    public IReadOnlyList<string> Changes { get; private set; } = [];

    /// <summary>What is lost; null where no recovery is run.</summary>
    public RepairLoss? Loss { get; private set; }

    /// <summary>What stays wrong after the repair.</summary>
    public IReadOnlyList<Finding> Remaining { get; private set; } = [];

    /// <summary>What the recovery came to; null where none is run.</summary>
    public RepairOutcome? Outcome { get; private set; }

    /// <summary>Finds out what is to be done. Changes nothing on the disk.</summary>
    /// <exception cref="IOException">Something cannot be read.</exception>
    /// <exception cref="LogFormatException">The recovery refuses the directory.</exception>
    public void Plan()
    {
        Findings = Verify(environment, target.IsClean).Run();
        if (Findings.Count == 0 && !target.IsDirty && target.TopicId is null)
        {
            return;
        }

        var overlay = new OverlayFileSystem(environment.Files);
        var beside = new LogEnvironment(overlay, environment.Time, new Random(0));
        Outcome = Recover(beside);
        Changes = Tell(overlay.Changes());
        var after = Verify(beside, isClean: true);
        Remaining = after.Run();
        Loss = LossOf(Outcome, after);
    }

    /// <summary>Does what <see cref="Plan"/> told; durable on return.</summary>
    /// <exception cref="IOException">The disk fails.</exception>
    public void Carry() => Outcome = Recover(environment);

    private RepairOutcome Recover(LogEnvironment on)
    {
        SwapRecovery.Run(on, target.Directory);
        var before = Verify(on, target.IsClean);
        foreach (var path in before.Run().Select(f => f.Derived).OfType<string>().Distinct())
        {
            SetAside(on, path);
        }

        foreach (var misfit in before.EpochMisfits)
        {
            WriteEpoch(on, misfit);
        }

        var emptied = target.KeepsRest ? new SegmentSalvage(on, target.Directory, EndsBelow, HolesBelow, target.IsCompacted).Run() : [];
        if (target.TopicId is { } id)
        {
            SetAside(on, Path.Join(target.Directory, LogFileName.PartitionMetadata));
            PartitionMetadata.Write(on, target.Directory, id);
        }

        using var log = PartitionLog.Open(
            on, target.Directory, target.Topic, target.Partition, ConfigOf(target), OptionsOf(target, before.End));
        log.RemoveDeletedSegments();
        if (!log.Close())
        {
            throw new IOException($"{target.Directory}: the log cannot be closed");
        }

        on.Deletions.Run(on, all: true);
        return new RepairOutcome(before, log.Offsets.LogStart, log.Offsets.LogEnd, log.Offsets.HighWatermark, emptied);
    }

    // The epoch is not under the CRC: a leader writes it over what its producer sent.
    private static void WriteEpoch(LogEnvironment on, EpochMisfit misfit)
    {
        Span<byte> epoch = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(epoch, misfit.Told);
        using var file = on.Files.Open(misfit.Path, FileOpen.ReadWrite);
        file.Write(epoch, misfit.Position + RecordBatchHeader.LeaderEpochAt);
        file.Flush();
    }

    private static void SetAside(LogEnvironment on, string path)
    {
        if (on.Files.FileExists(path))
        {
            on.Files.RenameFile(path, LogDamage.FreeName(on, path));
        }
    }

    // No producer is forgotten for being idle, nothing waits for its removal, and holes are as the broker takes them.
    private static LogConfig ConfigOf(RepairTarget target) => LogConfig.Default with
    {
        Compact = target.IsCompacted,
        ProducerIdExpirationMs = long.MaxValue,
        FileDeleteDelayMs = 0,
    };

    private static LogOpenOptions OptionsOf(RepairTarget target, long end) => new()
    {
        ReadsAll = true,

        // A hole above the recovery point ends the log for a recovery: a file never reached the disk.
        RecoveryPoint = target.KeepsRest ? end : target.RecoveryPoint ?? end,
        LogStartOffset = target.LogStart,
        HighWatermark = target.HighWatermark,
        CleanerOffset = target.IsCompacted ? long.MaxValue : target.CleanerOffset,
    };

    private PartitionVerifier Verify(LogEnvironment on, bool isClean) =>
        new(on, target.Directory, isClean)
        {
            CountFrom = target.LogStart,
            EndsBelow = EndsBelow,
            HolesBelow = HolesBelow,
            MayHaveHoles = target.IsCompacted,
        };

    // Cleaning writes the recovery point before it leaves holes.
    private long HolesBelow => target.IsCompacted ? long.MaxValue : target.RecoveryPoint ?? long.MaxValue;

    // A clean stop says where the log ends.
    private long EndsBelow => target is { IsClean: true, RecoveryPoint: > 0 and var end } ? end : long.MaxValue;

    private static List<string> Tell(IReadOnlyList<(string Name, string What)> changes)
    {
        var indexes = changes.Where(c => Path.GetExtension(c.Name) is LogFileName.Index or LogFileName.TimeIndex
            && !c.What.StartsWith("remove", StringComparison.Ordinal)).ToList();
        var result = changes.Except(indexes).Select(c => c.What).ToList();
        var segments = indexes.Select(c => Path.GetFileNameWithoutExtension(c.Name)).Distinct().Count();
        if (segments > 0)
        {
            result.Insert(0, string.Create(CultureInfo.InvariantCulture, $"make the indexes of {segments} segments anew"));
        }

        return result;
    }

    private RepairLoss LossOf(RepairOutcome outcome, PartitionVerifier after)
    {
        var before = outcome.Before;
        var end = Math.Max(before.End, Math.Max(target.RecoveryPoint ?? 0, target.HighWatermark));
        return new RepairLoss(
            outcome.End < end ? [.. outcome.Emptied, (outcome.End, end)] : outcome.Emptied,
            before.Whole.Batches - after.Whole.Batches + outcome.Emptied.Count,
            before.Whole.Records - after.Whole.Records,
            Math.Max(0, before.LiveBytes - after.LiveBytes + (outcome.Emptied.Count * (long)RecordBatchHeader.Size)));
    }
}
