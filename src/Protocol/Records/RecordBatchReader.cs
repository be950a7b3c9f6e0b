using System.Buffers;

namespace Orleans.Kafka.Protocol.Records;

/// <summary>What a walk over batches came to.</summary>
public enum RecordBatchStep
{
    /// <summary>A whole batch of format 2 lies there.</summary>
    Batch,

    /// <summary>Nothing more, or only the beginning of a batch.</summary>
    End,

    /// <summary>A whole message set of the old formats 0 or 1 lies there.</summary>
    OldFormat,

    /// <summary>The length field is less than any batch can have.</summary>
    BadLength,

    /// <summary>The magic byte is nobody's.</summary>
    BadMagic,
}

/// <summary>
/// Walks batches that lie back to back. It looks at lengths and magic only; the CRC is the caller's to check.
/// Nothing is copied but headers that straddle two pieces of a sequence.
/// </summary>
public ref struct RecordBatchReader
{
    private readonly ReadOnlySequence<byte> _sequence;
    private readonly ReadOnlySpan<byte> _span;
    private readonly bool _isSpan;
    private readonly long _length;

    /// <summary>Walks a span.</summary>
    public RecordBatchReader(ReadOnlySpan<byte> data)
    {
        _span = data;
        _isSpan = true;
        _length = data.Length;
    }

    /// <summary>Walks a sequence.</summary>
    public RecordBatchReader(in ReadOnlySequence<byte> data)
    {
        if (data.IsSingleSegment)
        {
            _span = data.FirstSpan;
            _isSpan = true;
        }

        _sequence = data;
        _length = data.Length;
    }

    /// <summary>Where the batch that <see cref="Next"/> found begins.</summary>
    public long Position { get; private set; }

    /// <summary>Where the next step looks.</summary>
    public long NextPosition { get; private set; }

    /// <summary>The header found by <see cref="Next"/>.</summary>
    public RecordBatchInfo Current { get; private set; }

    /// <summary>The length field at the place where the last step stood, for error messages.</summary>
    public int LengthField { get; private set; }

    /// <summary>The magic byte at the place where the last step stood, for error messages.</summary>
    public byte Magic { get; private set; }

    /// <summary>Steps to the next batch.</summary>
    public RecordBatchStep Next()
    {
        Position = NextPosition;
        var left = _length - Position;
        if (left < RecordBatchHeader.SizeUpToMagic)
        {
            return RecordBatchStep.End;
        }

        Span<byte> copy = stackalloc byte[RecordBatchHeader.Size];
        var header = Header(copy, left);
        LengthField = RecordBatchHeader.Length(header);
        if (LengthField < RecordBatchHeader.MinLengthAnyFormat)
        {
            return RecordBatchStep.BadLength;
        }

        Magic = RecordBatchHeader.Magic(header);
        if (Magic > RecordBatchHeader.CurrentMagic)
        {
            return RecordBatchStep.BadMagic;
        }

        var size = (long)LengthField + RecordBatchHeader.LengthOverhead;
        if (size > left)
        {
            return RecordBatchStep.End;
        }

        if (Magic < RecordBatchHeader.CurrentMagic)
        {
            NextPosition += size;
            return RecordBatchStep.OldFormat;
        }

        if (size < RecordBatchHeader.Size)
        {
            return RecordBatchStep.BadLength;
        }

        Current = new RecordBatchInfo(header);
        NextPosition += size;
        return RecordBatchStep.Batch;
    }

    private readonly ReadOnlySpan<byte> Header(Span<byte> copy, long left)
    {
        var size = (int)Math.Min(left, RecordBatchHeader.Size);
        if (_isSpan)
        {
            return _span.Slice((int)Position, size);
        }

        var slice = _sequence.Slice(Position, size);
        if (slice.IsSingleSegment)
        {
            return slice.FirstSpan;
        }

        slice.CopyTo(copy);
        return copy[..size];
    }
}
