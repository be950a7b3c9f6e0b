using System.Buffers;

namespace Orleans.Kafka.Protocol.Compression;

/// <summary>A sequence and one more piece behind it, as a stream to read.</summary>
internal sealed class SequenceStream(ReadOnlySequence<byte> source, ReadOnlyMemory<byte> behind) : Stream
{
    private ReadOnlySequence<byte> _rest = source;
    private ReadOnlyMemory<byte> _behind = behind;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        if (_rest.IsEmpty)
        {
            var last = Math.Min(buffer.Length, _behind.Length);
            _behind.Span[..last].CopyTo(buffer);
            _behind = _behind[last..];
            return last;
        }

        var count = (int)Math.Min(buffer.Length, _rest.Length);
        _rest.Slice(0, count).CopyTo(buffer);
        _rest = _rest.Slice(count);
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
