using Orleans.Kafka.Protocol.Records;

namespace Orleans.Kafka.Storage;

/// <summary>
/// Steps over the batch headers of a segment. One read fetches as many neighbouring headers as a window holds;
/// record bytes beyond it are never read.
/// </summary>
internal ref struct BatchHeaderScanner(IFile file, int position, int end, Span<byte> window)
{
    public const int WindowLength = 4096;

    private readonly Span<byte> _window = window;
    private int _windowStart;
    private int _windowLength;

    /// <summary>Where the current batch begins.</summary>
    public int Position { get; private set; } = position;

    /// <summary>Where the next batch begins.</summary>
    public int NextPosition { get; private set; } = position;

    public RecordBatchInfo Current { get; private set; }

    /// <summary>Steps to the next whole batch; false at the end or where no batch of format 2 lies.</summary>
    public bool Next()
    {
        Position = NextPosition;
        if (end - Position < RecordBatchHeader.Size)
        {
            return false;
        }

        var at = Position - _windowStart;
        if (at < 0 || at + RecordBatchHeader.Size > _windowLength)
        {
            _windowStart = Position;
            _windowLength = file.Read(_window[..Math.Min(_window.Length, end - Position)], Position);
            at = 0;
            if (_windowLength < RecordBatchHeader.Size)
            {
                return false;
            }
        }

        var header = _window.Slice(at, RecordBatchHeader.Size);
        var length = RecordBatchHeader.Length(header);
        if (length < RecordBatchHeader.Size - RecordBatchHeader.LengthOverhead
            || length > end - Position - RecordBatchHeader.LengthOverhead
            || RecordBatchHeader.Magic(header) != RecordBatchHeader.CurrentMagic)
        {
            return false;
        }

        Current = new RecordBatchInfo(header);
        NextPosition = Position + Current.Size;
        return true;
    }
}
