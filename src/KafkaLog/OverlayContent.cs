using Microsoft.Win32.SafeHandles;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>What a file of <see cref="OverlayFileSystem"/> holds: the bytes of a file below, and pages over them.</summary>
internal sealed class OverlayContent
{
    private const int PageSize = 64 * 1024;

    private readonly IFileSystem _below;
    private readonly Dictionary<long, byte[]> _pages = [];
    private readonly List<Extent> _extents = [];
    private readonly long _originLength;
    private IFile? _open;

    public OverlayContent(IFileSystem below, string? origin)
    {
        (_below, Origin) = (below, origin);
        if (origin is not null)
        {
            using var file = below.Open(origin, FileOpen.Read);
            _originLength = file.Length;
            Share(origin, 0, _originLength, 0);
        }
    }

    /// <summary>The file below; null for a file that is new.</summary>
    public string? Origin { get; }

    public long Length { get; private set; }

    /// <summary>Nobody will read it: its bytes are not kept. What a recovery sets aside may be large.</summary>
    public bool IsOnlyCounted { get; init; }

    public bool IsWholeOrigin => IsPartOfOrigin && Length == _originLength;

    public bool IsCut => IsPartOfOrigin && Length < _originLength;

    private bool IsPartOfOrigin => Origin is not null && _pages.Count == 0 && _extents.Sum(e => e.Length) == Length;

    /// <summary>Shows bytes of a file below, without a copy of them.</summary>
    public void Share(string path, long from, long length, long at)
    {
        if (length <= 0)
        {
            return;
        }

        var extent = new Extent(at, length, path, from);
        _extents.Add(extent);
        Length = Math.Max(Length, at + length);
        foreach (var (page, bytes) in _pages)
        {
            Show(extent, bytes, page * PageSize);
        }
    }

    /// <summary>True if a file below has the same bytes.</summary>
    public bool Equals(IFileSystem files, string path)
    {
        using var file = files.Open(path, FileOpen.Read);
        if (file.Length != Length)
        {
            return false;
        }

        var (mine, other) = (new byte[PageSize], new byte[PageSize]);
        for (long at = 0; at < Length; at += PageSize)
        {
            if (!mine.AsSpan(0, Read(mine, at)).SequenceEqual(other.AsSpan(0, file.Read(other, at))))
            {
                return false;
            }
        }

        return true;
    }

    public int Read(Span<byte> target, long position)
    {
        var length = (int)Math.Clamp(Length - position, 0, target.Length);
        for (var done = 0; done < length;)
        {
            var (page, at) = Math.DivRem(position + done, PageSize);
            var count = (int)Math.Min(PageSize - at, length - done);
            var piece = target.Slice(done, count);
            if (_pages.TryGetValue(page, out var bytes))
            {
                bytes.AsSpan((int)at, count).CopyTo(piece);
            }
            else
            {
                ReadOrigin(piece, position + done);
            }

            done += count;
        }

        return length;
    }

    public void Write(ReadOnlySpan<byte> source, long position)
    {
        Length = Math.Max(Length, position + source.Length);
        for (var done = 0; done < source.Length && !IsOnlyCounted;)
        {
            var (page, at) = Math.DivRem(position + done, PageSize);
            var count = (int)Math.Min(PageSize - at, source.Length - done);
            source.Slice(done, count).CopyTo(PageAt(page).AsSpan((int)at));
            done += count;
        }
    }

    public void SetLength(long length)
    {
        if (length < Length)
        {
            _extents.RemoveAll(e => e.At >= length);
            for (var i = 0; i < _extents.Count; i++)
            {
                _extents[i] = _extents[i] with { Length = Math.Min(_extents[i].Length, length - _extents[i].At) };
            }

            var (last, at) = Math.DivRem(length, PageSize);
            foreach (var page in _pages.Keys.Where(p => p > last || (p == last && at == 0)).ToList())
            {
                _pages.Remove(page);
            }

            if (_pages.TryGetValue(last, out var bytes))
            {
                bytes.AsSpan((int)at).Clear();
            }
        }

        Length = length;
    }

    /// <summary>Lets go of the file below; it is opened again when it is needed.</summary>
    public void Close()
    {
        _open?.Dispose();
        _open = null;
    }

    private byte[] PageAt(long page)
    {
        if (!_pages.TryGetValue(page, out var bytes))
        {
            _pages[page] = bytes = new byte[PageSize];
            ReadOrigin(bytes, page * PageSize);
        }

        return bytes;
    }

    private void ReadOrigin(Span<byte> target, long position)
    {
        target.Clear();
        foreach (var extent in _extents)
        {
            Show(extent, target, position);
        }
    }

    private void Show(Extent extent, Span<byte> target, long position)
    {
        var start = Math.Max(position, extent.At);
        var count = Math.Min(position + target.Length, extent.At + extent.Length) - start;
        if (count > 0)
        {
            Below(extent.Path).Read(target.Slice((int)(start - position), (int)count), extent.From + start - extent.At);
        }
    }

    private IFile Below(string path)
    {
        if (_open?.Path != path)
        {
            Close();
        }

        return _open ??= _below.Open(path, FileOpen.Read);
    }

    /// <summary>Bytes of a file below that show from a position on.</summary>
    private readonly record struct Extent(long At, long Length, string Path, long From);
}

/// <summary>A file of <see cref="OverlayFileSystem"/> while it is open.</summary>
internal sealed class OverlayFile(string path, OverlayContent content) : IFile
{
    public string Path { get; } = path;

    public long Length => content.Length;

    public SafeFileHandle? Handle => null;

    public int Read(Span<byte> target, long position) => content.Read(target, position);

    public void Write(ReadOnlySpan<byte> bytes, long position) => content.Write(bytes, position);

    public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position)
    {
        foreach (var piece in pieces)
        {
            content.Write(piece.Span, position);
            position += piece.Length;
        }
    }

    public void Flush()
    {
        // Nothing here is durable.
    }

    /// <inheritdoc cref="OverlayContent.Share"/>
    public void Share(string path, long from, long length, long at) => content.Share(path, from, length, at);

    public void SetLength(long length) => content.SetLength(length);

    public void Dispose() => content.Close();
}
