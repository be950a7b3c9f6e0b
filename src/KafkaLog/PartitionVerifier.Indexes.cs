using System.Buffers.Binary;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <content>Indexes, snapshots and epochs against the batches.</content>
internal sealed partial class PartitionVerifier
{
    private void CheckIndex(long baseOffset, List<IndexEntry> batches, List<IndexEntry> times, bool isNeeded)
    {
        var name = NameOf(baseOffset, LogFileName.Index);
        if (!TryReadIndex(name, baseOffset, LogFileName.Index, OffsetIndex.EntrySize, isNeeded, out var bytes))
        {
            return;
        }

        var starts = batches.ToDictionary(b => b.Value, b => b.Key);
        var ends = times.Select(t => (long)t.Value).ToHashSet();
        var last = new IndexEntry(-1, -1);
        for (var at = 0; at < bytes.Length; at += OffsetIndex.EntrySize)
        {
            var entry = OffsetIndex.Parse(bytes.AsSpan(at));

            // Older versions of Kafka wrote one entry for all batches of an append: where the first begins and the last ends.
            var problem = entry.Key <= last.Key || entry.Value <= last.Value
                ? $"({entry.Key}, {entry.Value}) does not go up from ({last.Key}, {last.Value})"
                : !starts.TryGetValue(entry.Value, out var start)
                    ? $"points to byte {entry.Value} of the log, where no batch begins"
                    : start > entry.Key
                        ? $"points to byte {entry.Value}, where offset {baseOffset + start} begins, behind its own"
                        : !ends.Contains(entry.Key)
                            ? $"says offset {baseOffset + entry.Key}, at which no batch ends"
                            : null;
            if (problem is not null)
            {
                Report(name, "entry " + (at / OffsetIndex.EntrySize) + " " + problem, Advice.Reopen, at, baseOffset + entry.Key);
                return;
            }

            last = entry;
        }
    }

    private void CheckTimeIndex(long baseOffset, List<IndexEntry> batches, List<IndexEntry> times, bool isNeeded)
    {
        var name = NameOf(baseOffset, LogFileName.TimeIndex);
        if (!TryReadIndex(name, baseOffset, LogFileName.TimeIndex, TimeIndex.EntrySize, isNeeded, out var bytes))
        {
            return;
        }

        var last = new IndexEntry(-1, -1);
        var (next, maximum) = (0, -1L);
        for (var at = 0; at < bytes.Length; at += TimeIndex.EntrySize)
        {
            var entry = TimeIndex.Parse(bytes.AsSpan(at));
            while (next < times.Count && times[next].Value <= entry.Value)
            {
                maximum = Math.Max(maximum, times[next++].Key);
            }

            // The entry names an offset of the batch that has the largest timestamp so far.
            var holder = next > 0 && times[next - 1].Value == entry.Value ? next - 1 : next;
            var problem = entry.Key <= last.Key || entry.Value < last.Value
                ? $"({entry.Key}, {entry.Value}) does not go up from ({last.Key}, {last.Value})"
                : entry.Key < maximum
                    ? $"says {entry.Key}, but a batch up to its offset has timestamp {maximum}"
                : holder == times.Count || batches[holder].Key > entry.Value || times[holder].Key != entry.Key
                    ? $"({entry.Key}, {entry.Value}) names no batch with that timestamp"
                    : null;
            if (problem is not null)
            {
                Report(name, "entry " + (at / TimeIndex.EntrySize) + " " + problem, Advice.Reopen, at, baseOffset + entry.Value);
                return;
            }

            last = entry;
        }
    }

    private bool TryReadIndex(
        string name, long baseOffset, string suffix, int entrySize, bool isNeeded, out byte[] bytes)
    {
        bytes = [];
        if (!_files.TryGetValue((baseOffset, suffix), out var length))
        {
            if (isNeeded)
            {
                Report(name, "missing", Advice.Reopen, offset: baseOffset);
            }

            return false;
        }

        if (length % entrySize != 0)
        {
            Report(name, $"{length} bytes are no multiple of an entry's {entrySize}", Advice.Reopen, 0, baseOffset);
            return false;
        }

        // Kafka preallocates: zeros behind the last entry are no entries.
        bytes = ReadAll(name);
        var last = bytes.AsSpan().LastIndexOfAnyExcept((byte)0);
        bytes = bytes[..((last + entrySize) / entrySize * entrySize)];
        return true;
    }

    private void CheckTransactions(long baseOffset, bool isLast)
    {
        var name = NameOf(baseOffset, LogFileName.TransactionIndex);
        var found = new Dictionary<(long ProducerId, long LastOffset), long>();
        if (_files.ContainsKey((baseOffset, LogFileName.TransactionIndex)))
        {
            var bytes = ReadAll(name);
            if (bytes.Length % TransactionIndex.EntrySize != 0)
            {
                Report(
                    name, $"{bytes.Length} bytes are no multiple of an entry's {TransactionIndex.EntrySize}", Advice.Reopen, 0,
                    derived: name);
            }

            var last = -1L;
            for (var at = 0; at + TransactionIndex.EntrySize <= bytes.Length; at += TransactionIndex.EntrySize)
            {
                var entry = TransactionIndex.Decode(bytes.AsSpan(at));
                if (BinaryPrimitives.ReadInt16BigEndian(bytes.AsSpan(at)) != 0
                    || entry.LastOffset <= last || entry.FirstOffset > entry.LastOffset || entry.LastOffset >= End)
                {
                    Report(name, $"entry {at / TransactionIndex.EntrySize} cannot be: {entry}", Advice.Reopen, at, entry.LastOffset,
                        derived: name);
                }

                last = entry.LastOffset;
                found[(entry.ProducerId, entry.LastOffset)] = entry.FirstOffset;
            }
        }

        // What is in memory only is written with the next roll or stop: after a kill the last file may lack it.
        if (!isLast || isClean)
        {
            // Where cleaning left gaps the first batch of a transaction may be gone.
            foreach (var entry in _aborted.Where(a => !found.TryGetValue((a.ProducerId, a.LastOffset), out var first)
                || (first != a.FirstOffset && !_hasGaps && _isComplete)))
            {
                Report(
                    name, $"lacks the aborted transaction of producer {entry.ProducerId}, {entry.FirstOffset}-{entry.LastOffset}",
                    Advice.Reopen, offset: entry.LastOffset);
            }
        }

        _aborted.Clear();
    }

    private void CheckSnapshot(long offset, bool isRollPoint)
    {
        var name = NameOf(offset, LogFileName.Snapshot);
        if (!_files.ContainsKey((offset, LogFileName.Snapshot)))
        {
            if (isRollPoint)
            {
                Report(name, "missing: the producers are found by reading the log", Advice.Reopen, offset: offset);
            }

            return;
        }

        var table = new ProducerStateTable();
        if (!ProducerSnapshot.TryDecode(ReadAll(name), table, 0, long.MaxValue))
        {
            Report(name, "wrong version, length or CRC", Advice.Reopen, 0, offset, derived: name);
            return;
        }

        if (!_isComplete)
        {
            // Without the beginning, or behind damage, the batches do not tell all.
            return;
        }

        foreach (var state in table.All)
        {
            // Cleaning may take the last batch of a producer, but never puts one behind what the snapshot knows.
            if (_producers.TryGet(state.ProducerId, out var built) && state.HasBatches && built.HasBatches
                && (state.Epoch, state.LastSequence, state.LastDataOffset)
                    != (built.Epoch, built.LastSequence, built.LastDataOffset)
                && !(_hasGaps && state.LastDataOffset > built.LastDataOffset))
            {
                Report(
                    name, $"producer {state.ProducerId}: the snapshot says epoch {state.Epoch}, sequence {state.LastSequence} at "
                        + $"{state.LastDataOffset}, the batches epoch {built.Epoch}, sequence {built.LastSequence} at "
                        + $"{built.LastDataOffset}", Advice.Remake, offset: offset, derived: name);
            }
        }
    }

    private void CheckLooseFiles(List<long> bases)
    {
        foreach (var (offset, suffix) in _files.Keys.Order())
        {
            if (suffix != LogFileName.Snapshot)
            {
                if (!bases.Contains(offset))
                {
                    Report(
                        NameOf(offset, suffix), "there is no .log file of that offset", Advice.Restore, offset: offset,
                        derived: NameOf(offset, suffix));
                }
            }
            else if (offset > End)
            {
                Report(
                    NameOf(offset, suffix), $"is of offset {offset}, but the log ends at {End}: records are missing",
                    Advice.Restore, offset: offset, derived: NameOf(offset, suffix));
            }
            else if (!bases.Contains(offset))
            {
                CheckSnapshot(offset, isRollPoint: false, isAtEnd: offset == End);
            }
        }

        if (isClean && _producers.Count > 0 && !_files.ContainsKey((End, LogFileName.Snapshot)))
        {
            Report(
                NameOf(End, LogFileName.Snapshot), "missing, though the log was stopped cleanly and has producers",
                Advice.Reopen, offset: End);
        }
    }

    // Between two segments the state as of the snapshot is gone again: only its own checksum can be looked at.
    private void CheckSnapshot(long offset, bool isRollPoint, bool isAtEnd)
    {
        var wasComplete = _isComplete;
        _isComplete &= isAtEnd;
        CheckSnapshot(offset, isRollPoint);
        _isComplete = wasComplete;
    }

    private void CheckEpoch(string name, in BatchPlace place)
    {
        var epoch = place.Batch.LeaderEpoch;
        var told = _epochs.EpochOf(place.Batch.BaseOffset);

        if (!_hasEpochs || epoch == -1 || told < 0)
        {
            return;
        }

        // Epochs never go down: those that are above a later one are wrong.
        _misfits.AddRange(_newer.Where(n => epoch >= 0 && n.Epoch > epoch));
        _newer.RemoveAll(n => epoch >= 0 && n.Epoch > epoch);
        var misfit = new EpochMisfit(Path.Join(directory, name), place.Position, place.Batch.BaseOffset, epoch, told);
        if (epoch == told)
        {
            _epochsAgree++;
        }
        else if (!isClean && epoch > _epochs.Latest)
        {
            // A newer epoch comes into the file with the first flush.
            _newer.Add(misfit);
        }
        else
        {
            _misfits.Add(misfit);
        }
    }

    // Neither the epoch of a batch nor that file is under a checksum: the many are right.
    private void CheckEpochs()
    {
        if (_misfits.Count == 0)
        {
            return;
        }

        var first = _misfits[0];
        if (_misfits.Count > _epochsAgree)
        {
            Report(
                LogFileName.LeaderEpochs, $"says {first.Told} of offset {first.Offset}, but {_misfits.Count} batches contradict: "
                    + $"that one is of epoch {first.Epoch}", Advice.Remake, derived: LogFileName.LeaderEpochs);
            return;
        }

        EpochMisfits = _misfits;
        foreach (var misfit in _misfits)
        {
            _findings.Add(new Finding(
                misfit.Path, misfit.Position, misfit.Offset,
                $"the batch is of leader epoch {misfit.Epoch}, {LogFileName.LeaderEpochs} says {misfit.Told}",
                "kafka-log repair: it writes the epoch that the file says"));
        }
    }

    private void CheckEpochFile()
    {
        if (!_hasEpochs)
        {
            if (Batches > 0)
            {
                Report(LogFileName.LeaderEpochs, "missing or damaged", "nothing: the broker makes it anew from the batches");
            }

            return;
        }

        var entries = _epochs.Entries;
        if (entries.Length > 0 && entries[0].StartOffset < Start)
        {
            Report(
                LogFileName.LeaderEpochs, $"epoch {entries[0].Epoch} begins at {entries[0].StartOffset}, but the first segment at "
                    + $"{Start}: segments in front of it are missing", Advice.Restore, offset: entries[0].StartOffset);
        }

        if (entries.Length > 0 && entries[^1].StartOffset > End)
        {
            Report(
                LogFileName.LeaderEpochs, $"epoch {entries[^1].Epoch} begins at {entries[^1].StartOffset}, but the log ends at {End}",
                Advice.Restore, offset: entries[^1].StartOffset);
        }
    }
}
