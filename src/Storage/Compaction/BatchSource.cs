using System.Buffers;
using Orleans.Kafka.Protocol.Compression;
using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Reads the batches of one segment after another with large reads, checks their CRC and unpacks their records. It
/// holds only the file of the segment it is in.
/// </summary>
internal sealed class BatchSource(CompactionOptions options, Action checkpoint, CancellationToken stop) : IDisposable
{
    private const int SmallestBuffer = 64 * 1024;
    private const int MaxUncompressed = RecordChecks.MaxUncompressedBytes;

    private readonly DecompressionBuffer _unpacked = new();
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(SmallestBuffer, options.IoBufferBytes));
    private LogSegment? _segment;
    private IFile? _file;
    private int _end;
    private int _at;
    private int _filled;
    private int _filePosition;
    private bool _isUnpacked;

    /// <summary>The header of the current batch.</summary>
    public RecordBatchInfo Batch { get; private set; }

    /// <summary>The current batch, whole. Valid until the next step.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(_at - Batch.Size, Batch.Size);

    /// <summary>Goes to the beginning of a segment, or to the batch that holds an offset.</summary>
    public void Open(LogSegment segment, long fromOffset)
    {
        Close();
        _end = segment.Size;
        _filePosition = fromOffset > segment.BaseOffset ? segment.PositionOf(fromOffset) : 0;
        _file = segment.File.Pin() ?? throw Gone(segment);
        _segment = segment;
        (_at, _filled) = (0, 0);
    }

    /// <summary>Steps to the next batch of the segment; false at its end.</summary>
    public bool Next()
    {
        if (!Fill(RecordBatchHeader.Size))
        {
            return _filled == _at && _filePosition == _end ? false : throw Damaged("a batch is cut off");
        }

        var header = _buffer.AsSpan(_at, RecordBatchHeader.Size);
        var size = (long)RecordBatchHeader.Length(header) + RecordBatchHeader.LengthOverhead;
        if (size < RecordBatchHeader.Size || RecordBatchHeader.Magic(header) != RecordBatchHeader.CurrentMagic
            || size > _end || !Fill((int)size))
        {
            throw Damaged("no batch lies where one should");
        }

        Batch = new RecordBatchInfo(_buffer.AsSpan(_at, RecordBatchHeader.Size));
        _at += (int)size;
        _isUnpacked = false;
        return RecordBatchHeader.HasValidCrc(Bytes) ? true : throw Damaged($"offset {Batch.BaseOffset}: wrong CRC");
    }

    /// <summary>The records of the current batch, unpacked. Valid until the next step.</summary>
    public ReadOnlySpan<byte> Records()
    {
        var records = Bytes[RecordBatchHeader.Size..];
        if (Batch.Codec == 0 || Batch.RecordCount == 0)
        {
            return records;
        }

        var packed = new ReadOnlySequence<byte>(_buffer, _at - records.Length, records.Length);
        _isUnpacked = _isUnpacked
            || Compressions.TryDecompress((CompressionCodec)Batch.Codec, packed, MaxUncompressed, _unpacked);
        return _isUnpacked
            ? _unpacked.Written
            : throw Damaged($"offset {Batch.BaseOffset}: the records cannot be unpacked");
    }

    /// <summary>What ends the round when the bytes contradict themselves.</summary>
    public CompactionStoppedException Damaged(string what) =>
        new(CompactionOutcome.Uncleanable, $"{_segment?.File.Path}: {what}");

    public void Dispose()
    {
        Close();
        _unpacked.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    /// <summary>Lets go of the segment.</summary>
    public void Close()
    {
        _segment?.File.Unpin();
        _segment = null;
        _file = null;
    }

    private static CompactionStoppedException Gone(LogSegment segment) =>
        new(CompactionOutcome.Aborted, $"{segment.File.Path} was removed");

    /// <summary>Makes so many bytes of the batch at hand available; false if the segment ends before.</summary>
    private bool Fill(int needed)
    {
        if (_filled - _at >= needed)
        {
            return true;
        }

        checkpoint();
        var left = _filled - _at;
        if (needed > _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(needed);
            _buffer.AsSpan(_at, left).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        else
        {
            _buffer.AsSpan(_at, left).CopyTo(_buffer);
        }

        (_at, _filled) = (0, left);
        var count = Math.Min(_buffer.Length - left, _end - _filePosition);
        if (count > 0)
        {
            var read = _file!.Read(_buffer.AsSpan(left, count), _filePosition);
            _filePosition += read;
            _filled += read;
            options.Throttle?.Spent(read, checkpoint, stop);
        }

        return _filled >= needed;
    }
}
