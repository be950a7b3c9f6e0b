using System.Buffers;
using Orleans.Kafka.Protocol.Compression;

namespace Orleans.Kafka.Storage;

/// <summary>Uncompresses the records of a batch.</summary>
/// <param name="codec">Codec number of the batch (1-4).</param>
/// <param name="source">The bytes behind the batch header.</param>
/// <param name="sizeLimit">Most bytes to give; more counts as failure.</param>
/// <param name="target">Takes the records.</param>
/// <returns>False if the bytes are not what the codec says.</returns>
public delegate bool RecordDecompressor(
    int codec, ReadOnlySequence<byte> source, int sizeLimit, IBufferWriter<byte> target);

/// <summary>What all logs of a broker share: disk, time, chance, and where remarks go. Thread-safe.</summary>
public sealed class LogEnvironment
{
    private readonly Lock _chance = new();

    /// <summary>Puts the pieces together.</summary>
    /// <param name="files">The disk.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Chance, seeded by the host.</param>
    public LogEnvironment(IFileSystem files, TimeProvider time, Random random)
    {
        Files = files;
        Time = time;
        Random = random;
        OpenFiles = new OpenFileCache(HandleBudget.OfProcess.Files);
    }

    /// <summary>The disk.</summary>
    public IFileSystem Files { get; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>Hears of what an operator wants to know: recoveries, damage, failures. May be called on any thread.</summary>
    public Action<StorageNotice>? Notices { get; init; }

    /// <summary>Uncompresses batches where their records must be seen; if null they pass unseen.</summary>
    public RecordDecompressor? Decompress { get; init; } = static (codec, source, limit, target) =>
        Compressions.TryDecompress((CompressionCodec)codec, source, limit, target);

    /// <summary>Files of deleted segments and directories of deleted logs, waiting for their removal.</summary>
    public DeletionQueue Deletions { get; } = new();

    /// <summary>Bounds the open handles of segments that nobody uses at the moment.</summary>
    public OpenFileCache OpenFiles { get; init; }

    /// <summary>Measures flushes; null for nobody.</summary>
    public LogInstruments? Instruments { get; set; }

    internal Random Random { get; }

    internal long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    internal long NextRandom(long below)
    {
        lock (_chance)
        {
            return below <= 0 ? 0 : Random.NextInt64(below);
        }
    }

    internal void RandomBytes(Span<byte> target)
    {
        lock (_chance)
        {
            Random.NextBytes(target);
        }
    }

    internal void Notice(StorageNoticeKind kind, string path, string text) =>
        Notices?.Invoke(new StorageNotice(kind, path, text));
}

/// <summary>Kinds of <see cref="StorageNotice"/>.</summary>
public enum StorageNoticeKind
{
    /// <summary>A log was recovered; nothing is wrong.</summary>
    Recovered,

    /// <summary>Bytes were cut off, or files set aside: the text says which and how many.</summary>
    DataCut,

    /// <summary>An index, snapshot or checkpoint was missing or wrong and was made anew.</summary>
    Rebuilt,

    /// <summary>A directory that belongs to no topic known was set aside.</summary>
    Stray,

    /// <summary>Cleaning has something to say; nothing is wrong.</summary>
    Cleaned,

    /// <summary>A log could not be cleaned; it goes on as it is.</summary>
    CleaningFailed,

    /// <summary>A read, write or flush failed; the log takes no more writes until it is opened again.</summary>
    Failed,
}

/// <summary>Something an operator wants to know.</summary>
public readonly record struct StorageNotice(StorageNoticeKind Kind, string Path, string Text);
