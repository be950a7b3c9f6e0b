using System.Globalization;
using System.Text;

namespace Orleans.Kafka.Storage;

/// <summary>A leader epoch and the offset of its first record.</summary>
public readonly record struct LeaderEpochStart(int Epoch, long StartOffset);

/// <summary>
/// Which leader epoch began where (KIP-101, KIP-279). Both numbers go up from entry to entry. Changed by the log's
/// writer; readers see an immutable array.
/// </summary>
internal sealed class LeaderEpochCache
{
    private const int MaxBytes = 16 << 20;
    private volatile LeaderEpochStart[] _entries = [];

    public ReadOnlySpan<LeaderEpochStart> Entries => _entries;

    /// <summary>The newest epoch, -1 for none.</summary>
    public int Latest => _entries is [.., var last] ? last.Epoch : -1;

    /// <summary>There is something that the file does not say yet.</summary>
    public bool IsDirty { get; private set; }

    /// <summary>The file may not be on disk, whatever it says: it is to be written anew.</summary>
    public void MarkDirty() => IsDirty = true;

    /// <summary>An epoch begins. Entries that contradict it (a later epoch, or one that began behind) go.</summary>
    public void Assign(int epoch, long startOffset)
    {
        var entries = _entries;
        if (epoch < 0 || (entries is [.., var last] && last.Epoch == epoch && last.StartOffset <= startOffset))
        {
            return;
        }

        _entries =
        [
            .. entries.Where(e => e.Epoch < epoch && e.StartOffset < startOffset),
            new LeaderEpochStart(epoch, startOffset),
        ];
        IsDirty = true;
    }

    /// <summary>Forgets epochs that began at or behind an offset.</summary>
    public void TruncateFromEnd(long offset)
    {
        if (_entries is [.., var last] && last.StartOffset >= offset)
        {
            _entries = [.. _entries.Where(e => e.StartOffset < offset)];
            IsDirty = true;
        }
    }

    /// <summary>Forgets epochs that ended before an offset; the one that holds it begins there now.</summary>
    public void TruncateFromStart(long offset)
    {
        var entries = _entries;
        var holder = Array.FindLastIndex(entries, e => e.StartOffset <= offset);
        if (holder > 0 || (holder == 0 && entries[0].StartOffset < offset))
        {
            _entries = [new LeaderEpochStart(entries[holder].Epoch, offset), .. entries[(holder + 1)..]];
            IsDirty = true;
        }
    }

    /// <summary>The epoch of an offset, -1 if unknown.</summary>
    public int EpochOf(long offset)
    {
        var entries = _entries;
        var holder = Array.FindLastIndex(entries, e => e.StartOffset <= offset);
        return holder < 0 ? -1 : entries[holder].Epoch;
    }

    /// <summary>
    /// Where an epoch ended, by Kafka's rules: the newest ends at the log end; one below all known is answered with
    /// itself and the first start; else the largest known one not above it, and the start of the next. (-1, -1) if
    /// it cannot be told.
    /// </summary>
    public (int Epoch, long EndOffset) EndOffsetFor(int epoch, long logEnd)
    {
        var entries = _entries;
        if (epoch < 0 || entries.Length == 0 || epoch > entries[^1].Epoch)
        {
            return (-1, -1);
        }

        if (epoch == entries[^1].Epoch)
        {
            return (epoch, logEnd);
        }

        var higher = Array.FindIndex(entries, e => e.Epoch > epoch);
        return higher == 0
            ? (epoch, entries[0].StartOffset)
            : (entries[higher - 1].Epoch, entries[higher].StartOffset);
    }

    /// <summary>
    /// The checkpoint to write if something changed, null if not: text, <c>0</c>, count, a line per epoch. From now on it
    /// counts as written: who takes it either writes it or ends the log.
    /// </summary>
    public byte[]? TakeChanged()
    {
        if (!IsDirty)
        {
            return null;
        }

        var text = new StringBuilder().Append("0\n").Append(_entries.Length).Append('\n');
        foreach (var entry in _entries)
        {
            text.Append(CultureInfo.InvariantCulture, $"{entry.Epoch} {entry.StartOffset}\n");
        }

        IsDirty = false;
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    /// <summary>Reads the checkpoint; false if there is none or it is damaged.</summary>
    public bool TryLoad(IFileSystem files, string directory)
    {
        if (files.ReadAll(Path.Join(directory, LogFileName.LeaderEpochs), MaxBytes) is not { } bytes
            || CheckpointText.TryParse(bytes, fields: 2) is not { } lines)
        {
            return false;
        }

        var entries = new List<LeaderEpochStart>();
        foreach (var line in lines)
        {
            if (!int.TryParse(line[0], CultureInfo.InvariantCulture, out var epoch)
                || !long.TryParse(line[1], CultureInfo.InvariantCulture, out var start)
                || (entries is [.., var last] && (last.Epoch >= epoch || last.StartOffset > start)))
            {
                return false;
            }

            entries.Add(new LeaderEpochStart(epoch, start));
        }

        _entries = [.. entries];
        IsDirty = false;
        return true;
    }
}
