namespace Orleans.Kafka.Storage;

/// <summary>How a file is opened.</summary>
public enum FileOpen
{
    /// <summary>It must exist; it is only read.</summary>
    Read,

    /// <summary>It must exist; it is read and written.</summary>
    ReadWrite,

    /// <summary>It is made if it does not exist; it is read and written.</summary>
    CreateOrOpen,

    /// <summary>It is made, or emptied if it exists.</summary>
    CreateEmpty,
}

/// <summary>A file or directory as a listing shows it.</summary>
/// <param name="Name">The last part of its path.</param>
/// <param name="Length">Bytes; 0 for a directory.</param>
/// <param name="IsDirectory">It is a directory.</param>
public readonly record struct FileEntry(string Name, long Length, bool IsDirectory);

/// <summary>
/// The one door to the disk. Everything of Storage goes through it, so that the same code runs on a simulated disk
/// that loses what was not flushed. Failures are <see cref="IOException"/>. Thread-safe.
/// Nothing is durable before <see cref="IFile.Flush"/> (contents) and <see cref="FlushDirectory"/> (names) return.
/// </summary>
public interface IFileSystem
{
    /// <summary>Opens a file.</summary>
    /// <exception cref="FileNotFoundException">It must exist and does not.</exception>
    IFile Open(string path, FileOpen mode);

    /// <summary>True if the file exists.</summary>
    bool FileExists(string path);

    /// <summary>True if the directory exists.</summary>
    bool DirectoryExists(string path);

    /// <summary>What lies in a directory, in no order.</summary>
    IReadOnlyList<FileEntry> List(string directory);

    /// <summary>Makes a directory and those above it; nothing happens if it exists.</summary>
    void CreateDirectory(string path);

    /// <summary>Removes a file; nothing happens if there is none.</summary>
    void DeleteFile(string path);

    /// <summary>Removes a directory and all in it; nothing happens if there is none.</summary>
    void DeleteDirectory(string path);

    /// <summary>Renames a file, in the place of one that has the new name already: one step, never half.</summary>
    void RenameFile(string from, string to);

    /// <summary>Renames a directory.</summary>
    void RenameDirectory(string from, string to);

    /// <summary>Makes the names in a directory durable: what was created, renamed or deleted there.</summary>
    void FlushDirectory(string directory);

    /// <summary>
    /// Makes everything below a directory durable, contents and names, with one call where the system has one: for
    /// thousands of files it costs a fraction of flushing each.
    /// </summary>
    /// <returns>False if this system cannot do it: then each file has to be flushed.</returns>
    bool TryFlushAll(string directory);

    /// <summary>
    /// Does for several files what <see cref="IFile.Flush"/> does for one, all at once where that is cheaper: the disk
    /// then empties its cache, and the file system writes its journal, once for many.
    /// </summary>
    /// <param name="files">The files.</param>
    /// <param name="failures">Gets, at each file's place, why its flush failed, or null.</param>
    void FlushTogether(IReadOnlyList<IFile> files, IOException?[] failures)
    {
        for (var i = 0; i < files.Count; i++)
        {
            failures[i] = FlushCrew.FlushOne(files[i]);
        }
    }

    /// <summary>
    /// Takes a lock that no other process can take until it is disposed or this process ends; null if somebody
    /// else holds it.
    /// </summary>
    IDisposable? TryLock(string path);
}
