namespace Orleans.Kafka.Interop.Tests;

/// <summary>A file that goes when its user goes.</summary>
internal sealed class TemporaryFile : IDisposable
{
    public string FilePath { get; } = Path.GetTempFileName();

    public void Dispose() => File.Delete(FilePath);
}
