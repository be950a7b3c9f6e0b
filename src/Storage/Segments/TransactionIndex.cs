using System.Buffers.Binary;

namespace Orleans.Kafka.Storage;

/// <summary>A transaction that was aborted, as a <c>.txnindex</c> file keeps it.</summary>
/// <param name="ProducerId">Whose.</param>
/// <param name="FirstOffset">Its first record.</param>
/// <param name="LastOffset">Its abort marker.</param>
/// <param name="LastStableOffset">Last stable offset when the marker was written.</param>
public readonly record struct AbortedTransaction(
    long ProducerId, long FirstOffset, long LastOffset, long LastStableOffset);

/// <summary>
/// The aborted transactions whose marker lies in one segment; 34 bytes an entry: int16 version 0, int64 producer id,
/// first offset, last offset, last stable offset. The file is made with the first entry. Thread-safe. Who reads waits only for
/// the first reading of the file, never for a write or a flush; nor does who adds an entry.
/// </summary>
internal sealed class TransactionIndex(SegmentFile file, bool fileExists)
{
    public const int EntrySize = 34;

    // Guards the entries, and the reading of them. Never held while the file is written or flushed.
    private readonly Lock _gate = new();

    // One at a time writes, cuts or flushes the file. Taken before the other one.
    private readonly Lock _writing = new();
    private List<AbortedTransaction>? _entries;
    private int _persisted;
    private volatile bool _isUnflushed;
    private volatile bool _fileExists = fileExists;

    public SegmentFile File => file;

    public bool IsUnflushed => _isUnflushed;

    public bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                return !_fileExists && _entries is not { Count: > 0 };
            }
        }
    }

    public void Append(AbortedTransaction transaction)
    {
        lock (_gate)
        {
            Load().Add(transaction);
        }
    }

    /// <summary>
    /// Adds to <paramref name="result"/> what a reader of [from, upTo) must know. True if no later segment can hold
    /// more.
    /// </summary>
    public bool Collect(long from, long upTo, List<AbortedTransaction> result)
    {
        lock (_gate)
        {
            if (!_fileExists && _entries is null)
            {
                return false;
            }

            foreach (var entry in Load())
            {
                if (entry.LastOffset >= from && entry.FirstOffset < upTo)
                {
                    result.Add(entry);
                }

                if (entry.LastStableOffset >= upTo)
                {
                    return true;
                }
            }

            return false;
        }
    }

    public List<AbortedTransaction> ReadAll()
    {
        lock (_gate)
        {
            return _fileExists || _entries is not null ? [.. Load()] : [];
        }
    }

    public void Persist()
    {
        lock (_writing)
        {
            byte[] bytes;
            int persisted;
            lock (_gate)
            {
                if (_entries is null || _entries.Count == _persisted)
                {
                    return;
                }

                persisted = _persisted;
                bytes = new byte[(_entries.Count - persisted) * EntrySize];
                for (var i = persisted; i < _entries.Count; i++)
                {
                    Encode(_entries[i], bytes.AsSpan((i - persisted) * EntrySize));
                }
            }

            WithFile(f => f.Write(bytes, (long)persisted * EntrySize));
            lock (_gate)
            {
                _persisted = persisted + (bytes.Length / EntrySize);
                _fileExists = true;
                _isUnflushed = true;
            }
        }
    }

    /// <summary>
    /// Writes the whole file over itself and flushes it: the system took for written what is not. A crash in between finds
    /// what was there.
    /// </summary>
    public void WriteAgain()
    {
        lock (_writing)
        {
            long length;
            lock (_gate)
            {
                if (!_fileExists)
                {
                    return;
                }

                length = (long)Load().Count * EntrySize;
                _persisted = 0;
            }

            Persist();
            WithFile(f =>
            {
                f.SetLength(length);
                f.Flush();
            });
            _isUnflushed = false;
        }
    }

    public void Flush()
    {
        lock (_writing)
        {
            if (_isUnflushed)
            {
                WithFile(f => f.Flush());
                _isUnflushed = false;
            }
        }
    }

    /// <summary>Drops what was aborted at or behind an offset.</summary>
    public void TruncateTo(long offset)
    {
        lock (_writing)
        {
            int left;
            lock (_gate)
            {
                if (!_fileExists && _entries is null)
                {
                    return;
                }

                var entries = Load();
                entries.RemoveAll(e => e.LastOffset >= offset);
                left = entries.Count;
                if (_persisted <= left)
                {
                    return;
                }

                _persisted = left;
            }

            WithFile(f => f.SetLength((long)left * EntrySize));
            _isUnflushed = true;
        }
    }

    private List<AbortedTransaction> Load()
    {
        if (_entries is not null)
        {
            return _entries;
        }

        var entries = new List<AbortedTransaction>();
        if (_fileExists)
        {
            var bytes = Array.Empty<byte>();
            WithFile(f =>
            {
                bytes = new byte[f.Length];
                f.Read(bytes, 0);
            });
            for (var at = 0; at + EntrySize <= bytes.Length; at += EntrySize)
            {
                entries.Add(Decode(bytes.AsSpan(at)));
            }
        }

        _persisted = entries.Count;
        return _entries = entries;
    }

    private void WithFile(Action<IFile> action)
    {
        var opened = file.Pin() ?? throw new IOException($"{file.Path} is being removed");
        try
        {
            action(opened);
        }
        finally
        {
            file.Unpin();
        }
    }

    private static void Encode(AbortedTransaction entry, Span<byte> target)
    {
        BinaryPrimitives.WriteInt16BigEndian(target, 0);
        BinaryPrimitives.WriteInt64BigEndian(target[2..], entry.ProducerId);
        BinaryPrimitives.WriteInt64BigEndian(target[10..], entry.FirstOffset);
        BinaryPrimitives.WriteInt64BigEndian(target[18..], entry.LastOffset);
        BinaryPrimitives.WriteInt64BigEndian(target[26..], entry.LastStableOffset);
    }

    /// <summary>Reads one entry.</summary>
    public static AbortedTransaction Decode(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadInt64BigEndian(source[2..]),
        BinaryPrimitives.ReadInt64BigEndian(source[10..]),
        BinaryPrimitives.ReadInt64BigEndian(source[18..]),
        BinaryPrimitives.ReadInt64BigEndian(source[26..]));
}
