using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// The segment that takes the place of a group of others, while it is written: beside them, with names that end in
/// <c>.cleaned</c>. Nobody reads it yet.
/// </summary>
internal sealed class CleanedSegment : IDisposable
{
    // A flush of a whole segment at its end would keep the disk busy for long, and who waits for a flush of its own - an
    // acknowledgement that means "on disk" - with it.
    private const int FlushEveryBytes = 16 << 20;

    private readonly LogEnvironment _environment;
    private readonly CompactionOptions _options;
    private readonly Action _checkpoint;
    private readonly CancellationToken _stop;
    private readonly int _indexInterval;
    private readonly IFile _file;
    private readonly byte[] _buffer;
    private int _filled;
    private int _position;
    private int _written;
    private int _flushed;
    private long _next;
    private bool _isTaken;

    public CleanedSegment(
        LogEnvironment environment,
        string directory,
        IReadOnlyList<LogSegment> group,
        LogConfig config,
        CompactionOptions options,
        Action checkpoint,
        CancellationToken stop)
    {
        _environment = environment;
        _options = options;
        _checkpoint = checkpoint;
        _stop = stop;
        _indexInterval = config.IndexIntervalBytes;
        _next = group[0].BaseOffset;
        _buffer = new byte[Math.Max(options.IoBufferBytes, 64 * 1024)];
        Segment = new LogSegment(environment, directory, _next, default, LogFileName.Cleaned)
        {
            CreatedMs = group[^1].CreatedMs,
        };
        Clear(environment, Segment);
        Segment.AllowCreation();
        _file = Segment.File.Pin() ?? throw new IOException($"Cannot create {Segment.File.Path}");
    }

    /// <summary>What comes out.</summary>
    public LogSegment Segment { get; }

    /// <summary>Bytes so far.</summary>
    public int Size => _position;

    /// <summary>Adds a batch as it is.</summary>
    /// <exception cref="CompactionStoppedException">The segment would grow beyond what a segment can be.</exception>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        var batch = new RecordBatchInfo(bytes);
        if ((long)_position + bytes.Length > int.MaxValue || batch.LastOffset - Segment.BaseOffset > int.MaxValue)
        {
            throw new CompactionStoppedException(
                CompactionOutcome.Uncleanable, $"{Segment.File.Path} would grow beyond the size of a segment");
        }

        Segment.Note(batch.LastOffset, batch.MaxTimestamp, _position, bytes.Length, _indexInterval);
        _position += bytes.Length;
        _next = batch.NextOffset;
        if (bytes.Length > _buffer.Length - _filled)
        {
            WriteBuffer();
        }

        if (bytes.Length > _buffer.Length)
        {
            Write(bytes);
            return;
        }

        bytes.CopyTo(_buffer.AsSpan(_filled));
        _filled += bytes.Length;
    }

    /// <summary>Completes the files and makes them durable, names included.</summary>
    public void Finish(string directory)
    {
        WriteBuffer();
        Segment.Publish(_position, _next);
        Segment.Seal();
        Segment.OffsetIndex.Trim();
        Segment.TimeIndex.Trim();
        _file.Flush();
        Segment.FlushIndexes();
        _environment.Files.FlushDirectory(directory);
    }

    /// <summary>The files belong to the log from now on.</summary>
    public void Take() => _isTaken = true;

    /// <summary>Removes the files unless they were taken.</summary>
    public void Dispose()
    {
        Segment.File.Unpin();
        if (_isTaken)
        {
            return;
        }

        Segment.Retire(() => { });
        try
        {
            Clear(_environment, Segment);
        }
        catch (IOException)
        {
            // The next opening removes them.
        }
    }

    private static void Clear(LogEnvironment environment, LogSegment segment)
    {
        foreach (var file in segment.Files)
        {
            environment.Files.DeleteFile(file.Path);
        }
    }

    private void WriteBuffer()
    {
        if (_filled > 0)
        {
            Write(_buffer.AsSpan(0, _filled));
            _filled = 0;
        }
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _file.Write(bytes, _written);
        _written += bytes.Length;
        if (_written - _flushed >= FlushEveryBytes)
        {
            _file.Flush();
            _flushed = _written;
        }

        _options.Throttle?.Spent(bytes.Length, _checkpoint, _stop);
    }
}
