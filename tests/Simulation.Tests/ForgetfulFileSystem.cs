using Microsoft.Win32.SafeHandles;
using Orleans.Kafka.Storage;
using Orleans.Kafka.Storage.Tests;

namespace Orleans.Kafka.Simulation.Tests;

/// <summary>A disk that says it has flushed and has not: what a log that left a flush out would do to its records.</summary>
internal sealed class ForgetfulFileSystem(IFileSystem files, Func<string, bool> forgets) : DelegatingFileSystem(files)
{
    public override IFile Open(string path, FileOpen mode) => new ForgetfulFile(base.Open(path, mode), forgets(path));

    public override void FlushDirectory(string directory)
    {
        if (!forgets(directory + "/"))
        {
            base.FlushDirectory(directory);
        }
    }

    // Whatever is forgotten one by one would be flushed here.
    public override bool TryFlushAll(string directory) => false;

    private sealed class ForgetfulFile(IFile file, bool isForgotten) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public SafeFileHandle? Handle => file.Handle;

        public int Read(Span<byte> target, long position) => file.Read(target, position);

        public void Write(ReadOnlySpan<byte> bytes, long position) => file.Write(bytes, position);

        public void Write(IReadOnlyList<ReadOnlyMemory<byte>> pieces, long position) => file.Write(pieces, position);

        public void Flush()
        {
            if (!isForgotten)
            {
                file.Flush();
            }
        }

        public void SetLength(long length) => file.SetLength(length);

        public void Dispose() => file.Dispose();
    }
}
