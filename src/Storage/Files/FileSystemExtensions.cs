namespace Orleans.Kafka.Storage;

/// <summary>What the small files (checkpoints, metadata, snapshots) need.</summary>
public static class FileSystemExtensions
{
    // ENFILE and EMFILE, everywhere but on Windows; ERROR_TOO_MANY_OPEN_FILES there.
    private const int SystemIsOut = 23;
    private const int ProcessIsOut = 24;
    private const int WindowsIsOut = unchecked((int)0x80070004);

    /// <summary>True if it failed because the process, or the system, has no handle left.</summary>
    public static bool IsOutOfHandles(this IOException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure.HResult is SystemIsOut or ProcessIsOut or WindowsIsOut;
    }

    /// <summary>Reads a small file whole; null if there is none or it is larger than <paramref name="limit"/>.</summary>
    public static byte[]? ReadAll(this IFileSystem files, string path, int limit)
    {
        try
        {
            using var file = files.Open(path, FileOpen.Read);
            var length = file.Length;
            if (length > limit)
            {
                return null;
            }

            var bytes = new byte[length];
            var read = file.Read(bytes, 0);
            return read == bytes.Length ? bytes : bytes[..read];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>
    /// Puts a file in place as a whole: written beside, flushed, renamed, directory flushed. After a crash there is
    /// the old or the new content, never a part; when the call returns, the new one is durable.
    /// </summary>
    public static void Replace(this IFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        files.ReplaceWithoutDirectoryFlush(path, content);
        files.FlushDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Writes a file without flushing it. Only for content that says itself whether it is whole.</summary>
    public static void WriteUnflushed(this IFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        using var file = files.Open(path, FileOpen.CreateEmpty);
        file.Write(content, 0);
    }

    /// <summary>As <see cref="Replace"/>, but the name is durable only after the directory is flushed.</summary>
    public static void ReplaceWithoutDirectoryFlush(this IFileSystem files, string path, ReadOnlySpan<byte> content)
    {
        var beside = path + ".tmp";
        using (var file = files.Open(beside, FileOpen.CreateEmpty))
        {
            file.Write(content, 0);
            file.Flush();
        }

        files.RenameFile(beside, path);
    }
}
