using Orleans.Kafka.Storage;
using Orleans.Kafka.Storage.Tests;

namespace Orleans.Kafka.Grains.Tests.Replication;

/// <summary>A disk that counts the flushes which many files share.</summary>
internal sealed class CountingFiles(IFileSystem files) : DelegatingFileSystem(files), IFileSystem
{
    private readonly IFileSystem _files = files;

    /// <summary>How many files each shared flush had.</summary>
    public List<int> Together { get; } = [];

    public void FlushTogether(IReadOnlyList<IFile> together, IOException?[] failures)
    {
        Together.Add(together.Count);
        _files.FlushTogether(together, failures);
    }
}
