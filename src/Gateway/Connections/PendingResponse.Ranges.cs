using Orleans.Kafka.Protocol;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>File ranges inside an answer, and the answer as the pieces it is sent in.</summary>
public sealed partial class PendingResponse
{
    private FileRange[]? _ranges;
    private int _rangeCount;
    private long _rangeBytes;
    private int _cursorRange;
    private int _cursorBuffer;
    private long _cursorOffset;

    /// <summary>
    /// Puts <paramref name="length"/> bytes of a file here. They are read when they are sent: the file must keep them
    /// until then (see <see cref="AfterSend"/>).
    /// </summary>
    public void AppendFile(IFile file, long position, int length)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length == 0)
        {
            return;
        }

        _ranges ??= new FileRange[4];
        if (_rangeCount == _ranges.Length)
        {
            Array.Resize(ref _ranges, _rangeCount * 2);
        }

        _ranges[_rangeCount++] = new FileRange(file, position, length, _length);
        _rangeBytes += length;
    }

    /// <inheritdoc/>
    void IKafkaOutput.Splice(in RecordSet records)
    {
        if (records.Source is not IFile file)
        {
            throw new InvalidOperationException($"Records in a {records.Source?.GetType()} cannot be sent.");
        }

        AppendFile(file, records.Position, records.Length);
    }

    /// <summary>The piece that begins <paramref name="offset"/> bytes into the answer.</summary>
    internal ResponsePiece PieceAt(long offset)
    {
        if (_rangeCount == 0)
        {
            return new ResponsePiece(_buffer.AsSpan((int)offset, _length - (int)offset));
        }

        if (offset < _cursorOffset)
        {
            ResetCursor();
        }

        while (_cursorRange < _rangeCount)
        {
            ref FileRange range = ref _ranges![_cursorRange];
            long into = offset - _cursorOffset;
            int before = range.At - _cursorBuffer;
            if (into < before)
            {
                return new ResponsePiece(_buffer.AsSpan(_cursorBuffer + (int)into, before - (int)into));
            }

            into -= before;
            if (into < range.Length)
            {
                return new ResponsePiece(range.File, range.Position + into, range.Length - (int)into);
            }

            _cursorOffset += before + range.Length;
            _cursorBuffer = range.At;
            _cursorRange++;
        }

        int start = _cursorBuffer + (int)(offset - _cursorOffset);
        return new ResponsePiece(_buffer.AsSpan(start, _length - start));
    }

    private void ResetCursor()
    {
        _cursorRange = 0;
        _cursorBuffer = 0;
        _cursorOffset = 0;
    }

    private void DropRanges()
    {
        if (_rangeCount > 0)
        {
            Array.Clear(_ranges!, 0, _rangeCount);
            _rangeCount = 0;
        }

        _rangeBytes = 0;
        ResetCursor();
    }

    private readonly record struct FileRange(IFile File, long Position, int Length, int At);
}

/// <summary>A stretch of an answer: memory, or a range of a file.</summary>
internal readonly ref struct ResponsePiece
{
    public ResponsePiece(ReadOnlySpan<byte> memory)
    {
        Memory = memory;
        Length = memory.Length;
    }

    public ResponsePiece(IFile file, long position, int length)
    {
        File = file;
        Position = position;
        Length = length;
    }

    public ReadOnlySpan<byte> Memory { get; }

    public IFile? File { get; }

    public long Position { get; }

    public int Length { get; }
}
