using System.Text.Json.Nodes;

namespace Orleans.Kafka.Storage.Tests.Golden;

/// <summary>A test that needs the recorded directories of a real Kafka; skipped with a word where they are not.</summary>
internal sealed class GoldenFactAttribute : FactAttribute
{
    public GoldenFactAttribute()
    {
        if (GoldenLogs.Root is null)
        {
            Skip = GoldenLogs.Missing;
        }
    }
}

/// <summary>As <see cref="GoldenFactAttribute"/>, with data.</summary>
internal sealed class GoldenTheoryAttribute : TheoryAttribute
{
    public GoldenTheoryAttribute()
    {
        if (GoldenLogs.Root is null)
        {
            Skip = GoldenLogs.Missing;
        }
    }
}

/// <summary>Finds the recorded log directories and loads them into a simulated disk.</summary>
internal static class GoldenLogs
{
    public const string Missing = "Golden data of a real Kafka not found: set ORLEANS_KAFKA_GOLDEN to its folder";
    public const string ClusterId = "4L6g3nShT-eMCtK--X86sw";

    public static string? Root { get; } = Find();

    public static JsonNode Json(string path) => JsonNode.Parse(File.ReadAllText(Path.Join(Root, path)))!;

    public static JsonNode Manifest(string state, string partition) => Json($"{state}/{partition}.manifest.json");

    public static bool HasManifest(string state, string partition) =>
        File.Exists(Path.Join(Root, state, $"{partition}.manifest.json"));

    /// <summary>Names of the partition directories of a state.</summary>
    public static IEnumerable<string> Partitions(string state) =>
        Directory.GetDirectories(Path.Join(Root, state)).Select(d => Path.GetFileName(d)!).Order();

    /// <summary>A disk with the state's directory as <c>/data</c>.</summary>
    public static TestDisk Load(string state)
    {
        var disk = new TestDisk();
        var root = Path.Join(Root, state);
        disk.Files.CreateDirectory("/data");
        foreach (var path in Directory.GetFiles(root, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(root, path);
            if (name.EndsWith(".manifest.json", StringComparison.Ordinal)
                || name.EndsWith(".gz", StringComparison.Ordinal))
            {
                continue;
            }

            var target = "/data/" + name.Replace('\\', '/');
            disk.Files.CreateDirectory(Path.GetDirectoryName(target)!);
            using var file = disk.Files.Open(target, FileOpen.CreateEmpty);
            file.Write(File.ReadAllBytes(path), 0);
            file.Flush();
        }

        return disk;
    }

    private static string? Find()
    {
        var given = Environment.GetEnvironmentVariable("ORLEANS_KAFKA_GOLDEN");
        if (given is not null)
        {
            return Directory.Exists(Path.Join(given, "log")) ? Path.Join(given, "log") : null;
        }

        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var candidate = Path.Join(at.FullName, "shared", "golden", "log");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
