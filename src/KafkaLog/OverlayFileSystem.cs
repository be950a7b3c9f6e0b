using System.Globalization;
using Orleans.Kafka.Storage;

namespace Orleans.Kafka.LogTool;

/// <summary>
/// A disk that looks like the one below it and takes changes, but keeps them in memory: the broker's own recovery runs
/// on it to tell what it would do. Knows what one partition's recovery needs and no more. For one thread.
/// </summary>
internal sealed class OverlayFileSystem(IFileSystem below) : IFileSystem
{
    // By full path; null for what is gone.
    private readonly SortedDictionary<string, OverlayContent?> _changed = new(StringComparer.Ordinal);

    public IFile Open(string path, FileOpen mode)
    {
        var key = Path.GetFullPath(path);
        var exists = FileExists(key);
        if (!exists && mode is FileOpen.Read or FileOpen.ReadWrite)
        {
            throw new FileNotFoundException("No such file", path);
        }

        if (!exists || mode == FileOpen.CreateEmpty)
        {
            _changed[key] = new OverlayContent(below, origin: null)
            {
                IsOnlyCounted = key.EndsWith(LogFileName.Damaged, StringComparison.Ordinal),
            };
        }
        else if (!_changed.ContainsKey(key) && mode == FileOpen.Read)
        {
            return below.Open(path, FileOpen.Read);
        }

        return new OverlayFile(path, Materialize(key));
    }

    public bool FileExists(string path) =>
        _changed.TryGetValue(Path.GetFullPath(path), out var content) ? content is not null : below.FileExists(path);

    public bool DirectoryExists(string path) => below.DirectoryExists(path);

    public IReadOnlyList<FileEntry> List(string directory)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        return
        [
            .. below.List(directory).Where(e => !_changed.ContainsKey(Path.Join(full, e.Name))),
            .. _changed.Where(c => c.Value is not null && Path.GetDirectoryName(c.Key) == full)
                .Select(c => new FileEntry(Path.GetFileName(c.Key), c.Value!.Length, IsDirectory: false)),
        ];
    }

    public void DeleteFile(string path)
    {
        if (FileExists(path))
        {
            _changed[Path.GetFullPath(path)] = null;
        }
    }

    public void RenameFile(string from, string to)
    {
        if (!FileExists(from))
        {
            throw new FileNotFoundException("No such file", from);
        }

        var content = Materialize(Path.GetFullPath(from));
        _changed[Path.GetFullPath(from)] = null;
        _changed[Path.GetFullPath(to)] = content;
    }

    public void FlushDirectory(string directory)
    {
        // Nothing here is durable.
    }

    public bool TryFlushAll(string directory) => true;

    public IDisposable? TryLock(string path) => throw new NotSupportedException();

    public void CreateDirectory(string path) => throw new NotSupportedException();

    public void DeleteDirectory(string path) => throw new NotSupportedException();

    public void RenameDirectory(string from, string to) => throw new NotSupportedException();

    /// <summary>The files that are not as they are below, and what became of them, in words.</summary>
    public IReadOnlyList<(string Name, string What)> Changes()
    {
        var renamed = _changed
            .Where(c => c.Value is { IsWholeOrigin: true } && c.Value.Origin != c.Key)
            .Select(c => c.Value!.Origin!).ToHashSet();
        var result = new List<(string Name, string What)>();
        foreach (var (path, content) in _changed)
        {
            var what = content is null
                ? renamed.Contains(path) || !below.FileExists(path) ? null : Gone(path)
                : Changed(path, content);
            if (what is not null)
            {
                result.Add((Path.GetFileName(path), what));
            }
        }

        return result;
    }

    private string Gone(string path) => $"remove {Path.GetFileName(path)} ({Bytes(LengthBelow(path))})";

    private string? Changed(string path, OverlayContent content)
    {
        var name = Path.GetFileName(path);
        var length = LengthBelow(path);
        if (content.IsWholeOrigin && content.Origin != path)
        {
            return $"rename {Path.GetFileName(content.Origin)} ({Bytes(content.Length)}) to {name}";
        }

        if (content.Origin == path && content.IsCut)
        {
            return $"cut {name} to {Bytes(content.Length)}: {Bytes(length - content.Length)} go";
        }

        return length < 0 ? $"write {name} ({Bytes(content.Length)})"
            : content.Equals(below, path) ? null
            : $"write {name} anew ({Bytes(length)}, then {Bytes(content.Length)})";
    }

    private static string Bytes(long count) => string.Create(CultureInfo.InvariantCulture, $"{count} bytes");

    private long LengthBelow(string path)
    {
        if (!below.FileExists(path))
        {
            return -1;
        }

        using var file = below.Open(path, FileOpen.Read);
        return file.Length;
    }

    private OverlayContent Materialize(string key)
    {
        if (!_changed.TryGetValue(key, out var content) || content is null)
        {
            _changed[key] = content = new OverlayContent(below, key);
        }

        return content;
    }
}
