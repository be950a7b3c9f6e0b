using System.IO.Compression;

namespace Orleans.Kafka.Wire.Tests.Recording;

/// <summary>The recorded exchanges of the golden data, and the settings of the broker that answered.</summary>
internal static class WireRecording
{
    /// <summary>The cluster id of the recorded broker.</summary>
    public const string ClusterId = "4L6g3nShT-eMCtK--X86sw";

    /// <summary>Where the recorded broker listened.</summary>
    public const string Address = "127.0.0.1:" + Port;

    /// <summary>The port of that address.</summary>
    public const string Port = "22092";

    /// <summary>All exchanges, in the order in which they ran.</summary>
    public static List<WireExchange> Load(string goldenDirectory) =>
        [.. Directory.EnumerateFiles(Path.Combine(goldenDirectory, "wire"))
            .SelectMany(ReadLines)
            .Select(line => new WireExchange(line))
            .OrderBy(exchange => exchange.Seq)];

    public static Dictionary<string, string?> LoadSettings(string goldenDirectory) =>
        File.ReadLines(Path.Combine(goldenDirectory, "wire", "server.properties"))
            .Where(line => line.Contains('=') && !line.StartsWith('#'))
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => (string?)pair[1]);

    private static IEnumerable<string> ReadLines(string path)
    {
        if (!path.EndsWith(".jsonl", StringComparison.Ordinal) && !path.EndsWith(".jsonl.gz", StringComparison.Ordinal))
        {
            yield break;
        }

        using var file = File.OpenRead(path);
        using Stream content = path.EndsWith(".gz", StringComparison.Ordinal)
            ? new GZipStream(file, CompressionMode.Decompress)
            : file;
        using var reader = new StreamReader(content);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
