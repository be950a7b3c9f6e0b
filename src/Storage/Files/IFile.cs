using Microsoft.Win32.SafeHandles;

namespace Orleans.Kafka.Storage;

/// <summary>
/// An open file. Reads and writes name their position, so that many readers and one writer use it at once.
/// Failures are <see cref="IOException"/>.
/// </summary>
public interface IFile : IDisposable
{
    /// <summary>The path it was opened with.</summary>
    string Path { get; }

    /// <summary>Bytes in the file.</summary>
    long Length { get; }

    /// <summary>The handle for <c>sendfile</c>; null where there is none (a simulated disk).</summary>
    SafeFileHandle? Handle { get; }

    /// <summary>Reads up to the length of <paramref name="target"/>; less only at the end of the file.</summary>
    /// <returns>Bytes read.</returns>
    int Read(Span<byte> target, long position);

    /// <summary>Writes all bytes, extending the file if need be. In the page cache on return, not durable.</summary>
    void Write(ReadOnlySpan<byte> bytes, long position);

    /// <summary>Writes all pieces back to back with one system call. In the page cache on return, not durable.</summary>
    void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position);

    /// <summary>Makes contents and length durable.</summary>
    void Flush();

    /// <summary>Cuts or extends (with zeros) the file.</summary>
    void SetLength(long length);
}
