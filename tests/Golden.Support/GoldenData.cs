using System.IO.Compression;
using System.Text.Json;

namespace Orleans.Kafka.Golden;

/// <summary>
/// Finds the recordings of a real Kafka: the folder in the environment variable ORLEANS_KAFKA_GOLDEN, or
/// <c>shared/golden</c> beside or above the repository.
/// </summary>
public static class GoldenData
{
    /// <summary>Environment variable with the folder.</summary>
    public const string Variable = "ORLEANS_KAFKA_GOLDEN";

    /// <summary>The folder, or null when it is not at hand.</summary>
    public static string? Root { get; } = Find();

    /// <summary>Full path of a file or folder in the golden data.</summary>
    /// <exception cref="InvalidOperationException">The golden data is not at hand.</exception>
    public static string PathOf(params string[] parts) =>
        Path.Combine([Root ?? throw new InvalidOperationException("The golden data is not at hand."), .. parts]);

    /// <summary>The objects of a <c>.jsonl</c> or <c>.jsonl.gz</c> file, one per line.</summary>
    public static IEnumerable<JsonElement> Lines(string path)
    {
        using var file = File.OpenRead(path);
        using var plain = path.EndsWith(".gz", StringComparison.Ordinal)
            ? (Stream)new GZipStream(file, CompressionMode.Decompress)
            : file;
        using var reader = new StreamReader(plain);
        while (reader.ReadLine() is { } line)
        {
            yield return JsonSerializer.Deserialize<JsonElement>(line);
        }
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return Directory.Exists(given) ? given : null;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "shared", "golden");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
