using Orleans.Kafka.Protocol.Records;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>Reads a <c>.log</c> file from the first batch to the first bytes that are none. Changes nothing.</summary>
internal sealed class SegmentReader(IFile file) : IDisposable
{
    private byte[] _buffer = new byte[64 * 1024];
    private int _next;

    public long Length { get; } = file.Length;

    /// <summary>Where the next batch begins, or what is no batch.</summary>
    public int Position => _next;

    /// <summary>The bytes of the batch that <see cref="TryNext"/> found.</summary>
    public ReadOnlySpan<byte> Bytes(in BatchPlace place) => _buffer.AsSpan(0, place.Batch.Size);

    public bool TryNext(out BatchPlace place)
    {
        place = default;
        Span<byte> header = stackalloc byte[RecordBatchHeader.Size];
        var scanner = new BatchHeaderScanner(file, _next, (int)Math.Min(Length, int.MaxValue), header);
        if (!scanner.Next())
        {
            return false;
        }

        var batch = scanner.Current;
        if (_buffer.Length < batch.Size)
        {
            _buffer = new byte[batch.Size];
        }

        var bytes = _buffer.AsSpan(0, batch.Size);
        if (file.Read(bytes, _next) < batch.Size)
        {
            return false;
        }

        place = new BatchPlace(_next, batch, RecordBatchHeader.HasValidCrc(bytes));
        _next = scanner.NextPosition;
        return true;
    }

    /// <summary>Base offset of what lies at <see cref="Position"/>, if it looks like a batch; else -1.</summary>
    public long Following()
    {
        Span<byte> header = stackalloc byte[RecordBatchHeader.Size];
        var scanner = new BatchHeaderScanner(file, _next, (int)Math.Min(Length, int.MaxValue), header);
        return scanner.Next() ? scanner.Current.BaseOffset : -1;
    }

    /// <summary>Goes on elsewhere.</summary>
    public void MoveTo(int position) => _next = position;

    /// <summary>Says why there is no batch at <see cref="Position"/>.</summary>
    public string WhatLiesThere()
    {
        var left = Length - _next;
        var start = new byte[Math.Min(left, RecordBatchHeader.Size)];
        file.Read(start, _next);
        if (IsZeroToTheEnd())
        {
            return $"{left} zero bytes behind the last batch";
        }

        if (start.Length < RecordBatchHeader.Size)
        {
            return $"{left} bytes behind the last batch, less than a batch header ({RecordBatchHeader.Size})";
        }

        var length = RecordBatchHeader.Length(start);
        var magic = RecordBatchHeader.Magic(start);
        if (magic != RecordBatchHeader.CurrentMagic)
        {
            return $"no batch: the magic byte is {magic}, not {RecordBatchHeader.CurrentMagic} ({left} bytes left)";
        }

        return length < RecordBatchHeader.Size - RecordBatchHeader.LengthOverhead
            ? $"the length field is {length}, less than any batch has ({left} bytes left)"
            : $"the length field is {length}, but only {left - RecordBatchHeader.LengthOverhead} bytes follow it: "
                + "the batch is cut off, or its length is wrong";
    }

    public void Dispose() => file.Dispose();

    private bool IsZeroToTheEnd()
    {
        var chunk = new byte[64 * 1024];
        for (long at = _next; at < Length; at += chunk.Length)
        {
            if (chunk.AsSpan(0, file.Read(chunk, at)).ContainsAnyExcept((byte)0))
            {
                return false;
            }
        }

        return true;
    }
}
