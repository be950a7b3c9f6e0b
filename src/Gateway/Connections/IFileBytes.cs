using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Gateway.Connections;

/// <summary>
/// A file whose ranges an answer may contain. They go out without passing through user space where possible.
/// </summary>
public interface IFileBytes
{
    /// <summary>Handle for <c>sendfile</c>; null for files that are not the operating system's.</summary>
    SafeFileHandle? Handle { get; }

    /// <summary>
    /// Reads at a position without moving anything; returns the bytes read, 0 at the end of the file.
    /// </summary>
    int Read(Span<byte> target, long position);
}
