using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Storage;

internal sealed class PhysicalFile(string path, SafeFileHandle handle) : IFile
{
    public string Path { get; } = path;

    public SafeFileHandle Handle { get; } = handle;

    public long Length => RandomAccess.GetLength(Handle);

    public int Read(Span<byte> target, long position)
    {
        var total = 0;
        while (total < target.Length)
        {
            var read = RandomAccess.Read(Handle, target[total..], position + total);
            if (read == 0)
            {
                break;
            }

            total += read;
        }

        return total;
    }

    public void Write(ReadOnlySpan<byte> bytes, long position) => RandomAccess.Write(Handle, bytes, position);

    public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position)
    {
        if (OperatingSystem.IsLinux())
        {
            GatheredWrite.Write(this, pieces, position);
        }
        else
        {
            RandomAccess.Write(Handle, pieces, position);
        }
    }

    public void Flush()
    {
        // fdatasync leaves out what recovery does not need (times); it does write a changed length.
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(Handle);
        }
        else if (PhysicalFileSystem.NativeMethods.FlushData(Handle) != 0)
        {
            throw new IOException($"Cannot flush {Path}: errno {Marshal.GetLastPInvokeError()}");
        }
    }

    public void SetLength(long length) => RandomAccess.SetLength(Handle, length);

    public void Dispose() => Handle.Dispose();
}
