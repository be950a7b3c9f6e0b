using System.Buffers.Binary;
using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>
/// Cuts damage out of the segments of a partition and keeps what lies behind it: in place of what is damaged comes a
/// batch without records over the same offsets, as cleaning leaves them. A recovery then finds nothing to cut. Bytes
/// that are cut out lie beside as <c>.damaged</c>; whole batches stay as they are, byte for byte.
/// </summary>
/// <param name="environment">The disk.</param>
/// <param name="directory">The partition's.</param>
/// <param name="endsBelow">Where the log is known to end at most.</param>
/// <param name="holesBelow">Holes between batches end here or below.</param>
/// <param name="mayHaveHoles">The topic is compacted.</param>
internal sealed class SegmentSalvage(
    LogEnvironment environment, string directory, long endsBelow, long holesBelow, bool mayHaveHoles)
{
    private const int Window = 1 << 20;

    /// <summary>Puts sound segments in the place of damaged ones, by the steps of a cleaning.</summary>
    /// <returns>The offsets that have no records any more: the first and the one behind the last of each gap.</returns>
    public IReadOnlyList<(long From, long To)> Run()
    {
        var bases = environment.Files.List(directory)
            .Where(f => LogFileName.TryParse(f.Name, out _, out var suffix) && suffix == LogFileName.Log)
            .Select(f => LogFileName.TryParse(f.Name, out var offset, out _) ? offset : 0)
            .Order().ToList();
        var emptied = new List<(long From, long To)>();
        for (var i = 0; i < bases.Count; i++)
        {
            Salvage(bases[i], i + 1 < bases.Count ? bases[i + 1] : null, emptied);
        }

        return emptied;
    }

    private void Salvage(long baseOffset, long? nextBase, List<(long From, long To)> emptied)
    {
        var damages = new List<Damage>();
        using (var file = environment.Files.Open(PathOf(baseOffset, LogFileName.Log), FileOpen.Read))
        {
            Walk(file, baseOffset, nextBase, damages);
            if (damages.Count == 0)
            {
                return;
            }

            foreach (var damage in damages)
            {
                Keep(file, damage);
            }

            WriteWithout(file, damages, baseOffset);
        }

        // From here on it is a cleaning that was cut short while it swapped: any opening would bring it to its end.
        environment.Files.RenameFile(
            PathOf(baseOffset, LogFileName.Log + LogFileName.Cleaned), PathOf(baseOffset, LogFileName.Log + LogFileName.Swap));
        environment.Files.FlushDirectory(directory);
        SwapRecovery.Run(environment, directory);
        emptied.AddRange(damages.Where(d => d.To > d.From).Select(d => (d.From, d.To)));
    }

    /// <summary>Finds what is no whole batch in its place; what is so at the very end of the log is left to the recovery.</summary>
    private void Walk(IFile file, long baseOffset, long? nextBase, List<Damage> damages)
    {
        var reader = new SegmentReader(file);
        var next = baseOffset;
        while (true)
        {
            var start = reader.Position;
            if (reader.TryNext(out var place) && place.HasValidCrc && place.Batch.LastOffsetDelta >= 0
                && !place.IsOutOfPlace(
                    next, place.Batch.BaseOffset > next ? reader.Following() : -1, nextBase ?? endsBelow, holesBelow))
            {
                next = place.Batch.NextOffset;
                continue;
            }

            if (start >= reader.Length)
            {
                return;
            }

            var found = Find(
                file, start + 1, reader.Length, next, nextBase ?? Math.Min(endsBelow, next + int.MaxValue));
            var to = found?.BaseOffset ?? nextBase ?? next;
            if (found is not null || nextBase is not null)
            {
                damages.Add(new Damage(start, found?.Position ?? reader.Length, next, to));
            }

            if (found is null)
            {
                return;
            }

            next = to;
            reader.MoveTo(found.Value.Position);
        }
    }

    /// <summary>
    /// The next whole batch with a right CRC whose offsets can be. They are not under the CRC: where there are no holes,
    /// the batch behind it must confirm them.
    /// </summary>
    private (int Position, long BaseOffset)? Find(IFile file, long from, long length, long least, long below)
    {
        var window = new byte[Window + RecordBatchHeader.Size];
        var batch = Array.Empty<byte>();
        for (var at = from; at + RecordBatchHeader.Size <= length; at += Window)
        {
            var read = file.Read(window, at);
            for (var i = 0; i < Window && i + RecordBatchHeader.Size <= read; i++)
            {
                var header = window.AsSpan(i, RecordBatchHeader.Size);
                var size = RecordBatchHeader.Length(header) + (long)RecordBatchHeader.LengthOverhead;
                var offset = RecordBatchHeader.BaseOffset(header);
                if (RecordBatchHeader.Magic(header) != RecordBatchHeader.CurrentMagic || offset < least || offset >= below
                    || size < RecordBatchHeader.Size || size > length - at - i)
                {
                    continue;
                }

                batch = batch.Length < size ? new byte[size] : batch;
                var bytes = batch.AsSpan(0, (int)size);
                if (file.Read(bytes, at + i) == size && RecordBatchHeader.HasValidCrc(bytes)
                    && new RecordBatchInfo(bytes) is { LastOffsetDelta: >= 0 } info && info.LastOffset < below
                    && (mayHaveHoles || Following(file, at + i + size) is var following
                        && (following < 0 || following == info.NextOffset)))
                {
                    return ((int)(at + i), offset);
                }
            }
        }

        return null;
    }

    private static long Following(IFile file, long position)
    {
        var reader = new SegmentReader(file);
        reader.MoveTo((int)position);
        return reader.Following();
    }

    private void Keep(IFile file, Damage damage)
    {
        using var copy = environment.Files.Open(
            LogDamage.FreeName(environment, PathOf(damage.From, "")), FileOpen.CreateEmpty);
        Copy(file, damage.Position, damage.End, copy, 0);
        copy.Flush();
    }

    private void WriteWithout(IFile file, List<Damage> damages, long baseOffset)
    {
        using var target = environment.Files.Open(
            PathOf(baseOffset, LogFileName.Log + LogFileName.Cleaned), FileOpen.CreateEmpty);
        var (from, to) = (0L, 0L);
        foreach (var damage in damages)
        {
            to = Copy(file, from, damage.Position, target, to);
            if (damage.To > damage.From)
            {
                target.Write(BatchWithoutRecords(damage.From, damage.To), to);
                to += RecordBatchHeader.Size;
            }

            from = damage.End;
        }

        Copy(file, from, file.Length, target, to);
        target.Flush();
    }

    private static long Copy(IFile source, long from, long end, IFile target, long to)
    {
        if (target is OverlayFile overlay && source is not OverlayFile)
        {
            // A plan needs no copy.
            overlay.Share(source.Path, from, end - from, to);
            return to + end - from;
        }

        var buffer = new byte[Math.Min(Window, Math.Max(0, end - from))];
        while (from < end)
        {
            var read = source.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - from)), from);
            if (read == 0)
            {
                throw new IOException($"{source.Path} became shorter");
            }

            target.Write(buffer.AsSpan(0, read), to);
            from += read;
            to += read;
        }

        return to;
    }

    // Of no producer, time or epoch: nobody knows what was there.
    private static byte[] BatchWithoutRecords(long from, long to)
    {
        var batch = new byte[RecordBatchHeader.Size];
        BinaryPrimitives.WriteInt32BigEndian(
            batch.AsSpan(RecordBatchHeader.LengthAt), RecordBatchHeader.Size - RecordBatchHeader.LengthOverhead);
        RecordBatchHeader.SetPlace(batch, from, leaderEpoch: -1);
        batch[RecordBatchHeader.MagicAt] = RecordBatchHeader.CurrentMagic;
        BinaryPrimitives.WriteInt32BigEndian(
            batch.AsSpan(RecordBatchHeader.LastOffsetDeltaAt), (int)Math.Min(int.MaxValue, to - from - 1));
        batch.AsSpan(RecordBatchHeader.BaseTimestampAt, RecordBatchHeader.RecordCountAt - RecordBatchHeader.BaseTimestampAt)
            .Fill(0xff);
        RecordBatchHeader.Seal(batch);
        return batch;
    }

    private string PathOf(long offset, string suffix) => LogFileName.PathOf(directory, offset, suffix);

    /// <summary>Bytes of a segment that are no whole batch in its place, and the offsets that they stand for.</summary>
    private readonly record struct Damage(long Position, long End, long From, long To);
}
