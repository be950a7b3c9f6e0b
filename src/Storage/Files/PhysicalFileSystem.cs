using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Storage;

/// <summary>The disk of the machine.</summary>
public sealed partial class PhysicalFileSystem : IFileSystem
{
    // Anything else would take an advisory lock per file: a system call per open, and nobody else may
    // enter the directory anyway (its lock file sees to that).
    private const FileShare ShareAll = FileShare.ReadWrite | FileShare.Delete;

    /// <summary>The one instance: it has no state.</summary>
    public static PhysicalFileSystem Instance { get; } = new();

    /// <inheritdoc/>
    public IFile Open(string path, FileOpen mode)
    {
        var access = mode == FileOpen.Read ? FileAccess.Read : FileAccess.ReadWrite;
        var how = mode switch
        {
            FileOpen.CreateOrOpen => FileMode.OpenOrCreate,
            FileOpen.CreateEmpty => FileMode.Create,
            _ => FileMode.Open,
        };
        return Guard(() => new PhysicalFile(path, File.OpenHandle(path, how, access, ShareAll)));
    }

    /// <inheritdoc/>
    public bool FileExists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public bool DirectoryExists(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public IReadOnlyList<FileEntry> List(string directory) => Guard(() =>
    {
        var entries = new List<FileEntry>();
        foreach (var info in new DirectoryInfo(directory).EnumerateFileSystemInfos())
        {
            var file = info as FileInfo;
            entries.Add(new FileEntry(info.Name, file?.Length ?? 0, file is null));
        }

        return entries;
    });

    /// <inheritdoc/>
    public void CreateDirectory(string path) => Guard(() => Directory.CreateDirectory(path));

    /// <inheritdoc/>
    public void DeleteFile(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // Gone with its directory.
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    /// <inheritdoc/>
    public void DeleteDirectory(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing to do.
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    /// <inheritdoc/>
    public void RenameFile(string from, string to) => Guard(() =>
    {
        File.Move(from, to, overwrite: true);
        return 0;
    });

    /// <inheritdoc/>
    public void RenameDirectory(string from, string to) => Guard(() =>
    {
        Directory.Move(from, to);
        return 0;
    });

    /// <inheritdoc/>
    public void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            // NTFS journals names by itself and offers no call for it.
            return;
        }

        using var handle = OpenDirectory(directory);
        if (NativeMethods.Fsync(handle) != 0)
        {
            throw new IOException($"Cannot flush directory {directory}: errno {Marshal.GetLastPInvokeError()}");
        }
    }

    /// <inheritdoc/>
    public bool TryFlushAll(string directory)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        using var handle = OpenDirectory(directory);
        return NativeMethods.FlushFileSystem(handle) == 0
            ? true
            : throw new IOException($"Cannot flush below {directory}: errno {Marshal.GetLastPInvokeError()}");
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The writing of all files is started before the first is waited for. Then a few threads wait for one file each:
    /// the kernel answers flushes that are asked for at the same time with one, and one journal entry is enough for
    /// all files that grew. (One <c>syncfs</c> would do as well, if nobody else had anything to write on the disk.)
    /// </remarks>
    public void FlushTogether(IReadOnlyList<IFile> files, IOException?[] failures)
    {
        if (OperatingSystem.IsLinux() && files.Count > 1)
        {
            for (var i = 0; i < files.Count; i++)
            {
                // Best effort: the flush itself says whether the bytes got there.
                _ = NativeMethods.StartWriting(files[i].Handle!, 0, 0, NativeMethods.StartWritingFlag);
            }
        }

        FlushCrew.Shared.Flush(files, failures);
    }

    /// <inheritdoc/>
    public IDisposable? TryLock(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    private static SafeFileHandle OpenDirectory(string directory)
    {
        var descriptor = NativeMethods.Open(directory, 0);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw new IOException($"Cannot open directory {directory}: errno {Marshal.GetLastPInvokeError()}");
    }

    private static T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    internal static partial class NativeMethods
    {
        /// <summary>SYNC_FILE_RANGE_WRITE</summary>
        internal const uint StartWritingFlag = 2;

        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
        internal static partial int Fsync(SafeFileHandle handle);

        [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
        internal static partial int FlushFileSystem(SafeFileHandle handle);

        [LibraryImport("libc", EntryPoint = "sync_file_range")]
        internal static partial int StartWriting(SafeFileHandle handle, long position, long length, uint flags);

        [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
        internal static partial int FlushData(SafeFileHandle handle);
    }
}
