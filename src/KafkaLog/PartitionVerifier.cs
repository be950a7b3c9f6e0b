using System.Globalization;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>
/// Looks through the directory of one partition and changes nothing: batches, indexes, producers, epochs, leftovers.
/// </summary>
internal sealed partial class PartitionVerifier(LogEnvironment environment, string directory, bool isClean)
{
    private readonly Dictionary<(long Offset, string Suffix), long> _files = [];
    private readonly ProducerStateTable _producers = new();
    private readonly LeaderEpochCache _epochs = new();
    private readonly List<AbortedTransaction> _aborted = [];
    private readonly List<Finding> _findings = [];
    private readonly List<EpochMisfit> _misfits = [];
    private readonly List<EpochMisfit> _newer = [];
    private bool _hasEpochs;
    private int _epochsAgree;
    private bool _isComplete = true;
    private bool _hasGaps;
    private bool _isHoleExplained;

    /// <summary>Base offset of the first segment; -1 without segments.</summary>
    public long Start { get; private set; } = -1;

    /// <summary>Offset behind the last batch.</summary>
    public long End { get; private set; }

    public int Segments { get; private set; }

    public long Batches { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>Batches that are as they should be, and the records in them, from <see cref="CountFrom"/> on.</summary>
    public (long Batches, long Records) Whole { get; private set; }

    /// <summary>Bytes of <c>.log</c> files without the batches below <see cref="CountFrom"/>.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Where the log is known to end at most.</summary>
    public long EndsBelow { get; init; } = long.MaxValue;

    /// <summary>Holes between batches of a segment end here or below.</summary>
    public long HolesBelow { get; init; } = long.MaxValue;

    /// <summary>The topic is compacted: holes between offsets are nothing to speak of.</summary>
    public bool MayHaveHoles { get; init; }

    /// <summary>Below lies what was deleted.</summary>
    public long CountFrom { get; init; }

    /// <summary>Batches whose leader epoch is wrong.</summary>
    public IReadOnlyList<EpochMisfit> EpochMisfits { get; private set; } = [];

    /// <summary>What is strange and does no harm.</summary>
    public List<string> Notes { get; } = [];

    public IReadOnlyList<Finding> Run()
    {
        List();
        var bases = _files.Keys.Where(k => k.Suffix == LogFileName.Log).Select(k => k.Offset).Order().ToList();
        Segments = bases.Count;
        LiveBytes = Bytes;
        Start = bases.Count > 0 ? bases[0] : -1;
        End = Math.Max(0, Start);
        _isComplete = Start <= 0;
        _hasEpochs = _epochs.TryLoad(environment.Files, directory);
        foreach (var offset in bases)
        {
            NoteHole(NameOf(offset, LogFileName.Log), offset);
            CheckSnapshot(offset, isRollPoint: offset > 0 && offset != Start);
            CheckSegment(offset, bases.SkipWhile(b => b <= offset).Select(b => (long?)b).FirstOrDefault());
        }

        CheckLooseFiles(bases);
        CheckEpochs();
        CheckEpochFile();
        return _findings;
    }

    private void List()
    {
        foreach (var entry in environment.Files.List(directory))
        {
            if (entry.Name is LogFileName.LeaderEpochs or LogFileName.PartitionMetadata)
            {
                continue;
            }

            if (!entry.IsDirectory && LogFileName.TryParse(entry.Name, out var offset, out var suffix)
                && suffix is LogFileName.Log or LogFileName.Index or LogFileName.TimeIndex
                    or LogFileName.TransactionIndex or LogFileName.Snapshot)
            {
                _files[(offset, suffix)] = entry.Length;
                Bytes += suffix == LogFileName.Log ? entry.Length : 0;
                continue;
            }

            CheckStrange(entry);
        }
    }

    private void CheckStrange(FileEntry entry)
    {
        switch (Path.GetExtension(entry.Name))
        {
            case LogFileName.Cleaned:
                Report(entry.Name, "left over from a cleaning that was not finished", "nothing: the next start removes it");
                break;
            case LogFileName.Swap:
                Report(entry.Name, "a cleaning was interrupted while it swapped", "nothing: the next start completes it");
                break;
            case LogFileName.Deleted:
                Report(entry.Name, "waits for its removal", "nothing: the next start removes it");
                break;
            case ".tmp":
                Report(entry.Name, "a file that was not finished", "nothing: the next start removes it");
                break;
            case LogFileName.Damaged:
                Notes.Add($"{Path.Join(directory, entry.Name)}: set aside by a recovery; remove it when it is of no use");
                break;
            case LogFileName.Rebuilding:
                Report(entry.Name, "the indexes of the segment were being made anew", "nothing: the next start makes them");
                break;
            case "" when entry.Name == LogFileName.LostFlush:
                Report(
                    entry.Name, "a flush failed: the disk may lack what the page cache still has",
                    "start the broker before the machine: it writes again what it can read");
                break;
            default:
                Notes.Add($"{Path.Join(directory, entry.Name)}: not a file of a log; left alone");
                break;
        }
    }

    private void CheckSegment(long baseOffset, long? nextBase)
    {
        var isLast = nextBase is null;
        var name = NameOf(baseOffset, LogFileName.Log);
        var batches = new List<IndexEntry>();
        var times = new List<IndexEntry>();
        var hasBad = false;
        using (var reader = new SegmentReader(Open(name)))
        {
            if (End > baseOffset)
            {
                Report(name, $"begins at {baseOffset}, but the segment before it ends at {End}", Advice.Look, 0, baseOffset);
            }

            End = Math.Max(End, baseOffset);
            while (reader.TryNext(out var place))
            {
                Batches++;
                var following = place.Batch.BaseOffset > End ? reader.Following() : -1;
                hasBad |= CheckBatch(name, place, reader.Bytes(place), following, nextBase ?? EndsBelow);
                batches.Add(new IndexEntry(place.Batch.BaseOffset - baseOffset, place.Position));
                times.Add(new IndexEntry(
                    place.Batch.MaxTimestamp, (int)Math.Clamp(place.Batch.LastOffset - baseOffset, 0, int.MaxValue)));
            }

            if (reader.Position < reader.Length)
            {
                hasBad = true;
                _isHoleExplained = true;
                Report(name, reader.WhatLiesThere(), isLast ? Advice.Cut : Advice.Copy, reader.Position, End);
            }
        }

        _isComplete &= !hasBad;

        // While a segment is written its indexes may be in memory only: a stop that was none leaves no files.
        var isIndexed = batches.Count > 0 && (isClean || !isLast);
        CheckIndex(baseOffset, batches, times, isIndexed);
        CheckTimeIndex(baseOffset, batches, times, isIndexed);
        CheckTransactions(baseOffset, isLast);
    }

    private bool CheckBatch(
        string name, in BatchPlace place, ReadOnlySpan<byte> bytes, long following, long below)
    {
        var batch = place.Batch;
        var isBad = false;
        if (!place.HasValidCrc)
        {
            Report(
                name, $"the CRC of batch {batch.BaseOffset}-{batch.LastOffset} is wrong: it says {batch.Crc:x8}, the bytes give "
                    + $"{Crc32C.Compute(bytes[RecordBatchHeader.AttributesAt..]):x8}", Advice.Copy, place.Position, batch.BaseOffset);
            isBad = true;
        }

        if (batch.LastOffsetDelta < 0 || (!isBad && place.IsOutOfPlace(
            End, following, below, _isHoleExplained ? long.MaxValue : HolesBelow)))
        {
            Report(
                name, $"batch {batch.BaseOffset}-{batch.LastOffset} is out of place: offset {End} should be here", Advice.Copy,
                place.Position, batch.BaseOffset);
            isBad = true;
        }

        _isHoleExplained |= isBad;
        if (!isBad)
        {
            CheckEpoch(name, place);
            Count(batch);
            NoteHole(name, batch.BaseOffset);
            _hasGaps |= batch.RecordCount == 0 && !batch.HasProducerId;
            End = batch.NextOffset;
            Enter(batch, bytes[RecordBatchHeader.Size..]);
        }

        return isBad;
    }

    private void NoteHole(string name, long next)
    {
        _hasGaps |= next > End;
        if (next > End && !MayHaveHoles && !_isHoleExplained)
        {
            Notes.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{Path.Join(directory, name)}: offsets {End}-{next - 1} are in no batch: cleaned away, or a file is missing"));
        }

        _isHoleExplained = false;
    }

    private void Count(in RecordBatchInfo batch)
    {
        if (batch.LastOffset < CountFrom)
        {
            LiveBytes -= batch.Size;
        }
        else
        {
            Whole = (Whole.Batches + 1, Whole.Records + batch.RecordCount);
        }
    }

    private void Enter(in RecordBatchInfo batch, ReadOnlySpan<byte> records)
    {
        if (!batch.HasProducerId)
        {
            return;
        }

        if (!batch.IsControl)
        {
            _producers.Enter(batch);
        }
        else if (ControlRecord.TryRead(batch, records, out var marker)
            && marker.Type is ControlType.Abort or ControlType.Commit
            && _producers.EnterMarker(batch, marker) is { } aborted)
        {
            _aborted.Add(aborted);
        }
    }

    private IFile Open(string name) => environment.Files.Open(Path.Join(directory, name), FileOpen.Read);

    private byte[] ReadAll(string name)
    {
        using var file = Open(name);
        var bytes = new byte[file.Length];
        return file.Read(bytes, 0) == bytes.Length ? bytes : throw new IOException($"{name} became shorter");
    }

    private void Report(
        string name, string problem, string advice, long position = -1, long offset = -1, string? derived = null) =>
        _findings.Add(new Finding(Path.Join(directory, name), position, offset, problem, advice)
        {
            Derived = derived is null ? null : Path.Join(directory, derived),
        });

    private static string NameOf(long offset, string suffix) => Path.GetFileName(LogFileName.PathOf("", offset, suffix));
}
