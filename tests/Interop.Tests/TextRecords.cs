using System.Globalization;
using System.Text;

namespace Orleans.Kafka.Interop.Tests;

/// <summary>
/// A real text, and the records that the clients make of its lines: clients/records.py and records.mjs follow the same
/// rules, and write what they consumed as <see cref="Describe"/> does.
/// </summary>
internal sealed class TextRecords
{
    public const int Partitions = 3;

    private const long FirstTimestamp = 1700000000000;
    private const string WordList = "/usr/share/dict/american-english-huge";

    private readonly string[] _lines;

    private TextRecords(string[] lines)
    {
        _lines = lines;
        FilePath = Path.GetTempFileName();
        File.WriteAllText(FilePath, string.Concat(lines.Select(line => line + "\n")), new UTF8Encoding(false));
    }

    /// <summary>How many lines the tests produce in each codec.</summary>
    public static int UsualCount { get; } = int.TryParse(
        Environment.GetEnvironmentVariable("ORLEANS_KAFKA_INTEROP_LINES"), CultureInfo.InvariantCulture, out var lines)
        ? lines
        : 100_000;

    /// <summary>The file with the lines, for the clients to read.</summary>
    public string FilePath { get; }

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Takes a list of words, or else the repository's own files, over and over.</summary>
    public static TextRecords Write(int count)
    {
        var source = File.Exists(WordList) ? File.ReadLines(WordList) : RepositoryLines();
        var all = source.ToArray();
        return new TextRecords([.. Enumerable.Range(0, count).Select(number => all[number % all.Length])]);
    }

    public void Delete() => File.Delete(FilePath);

    /// <summary>Fails unless a file of consumed records holds exactly the text, so many times over.</summary>
    public void AssertConsumed(string path, int times = 1)
    {
        var consumed = new List<string>[Partitions];
        for (var partition = 0; partition < Partitions; partition++)
        {
            consumed[partition] = [];
        }

        foreach (var line in File.ReadLines(path))
        {
            consumed[int.Parse(line.AsSpan(0, line.IndexOf('\t')), CultureInfo.InvariantCulture)].Add(line);
        }

        for (var partition = 0; partition < Partitions; partition++)
        {
            var offset = 0L;
            var of = partition;
            var expected = Enumerable.Range(0, times)
                .SelectMany(_ => Enumerable.Range(0, _lines.Length).Where(number => PartitionOf(number) == of))
                .Select(number => Describe(number, offset++));
            AssertSame(expected, consumed[partition]);
        }
    }

    private static void AssertSame(IEnumerable<string> expected, List<string> actual)
    {
        var at = 0;
        foreach (var line in expected)
        {
            Assert.True(at < actual.Count, $"only {actual.Count} records came; the next one is {line}");
            if (line != actual[at])
            {
                Assert.Equal(line, actual[at]);
            }

            at++;
        }

        Assert.Equal(at, actual.Count);
    }

    private static int PartitionOf(int number) => number / 1000 % Partitions;

    private static IEnumerable<string> RepositoryLines() =>
        new[] { "src", "tests", "docs" }
            .Select(folder => Path.Combine(Clients.RepositoryFolder(), folder))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".cs" or ".md")
            .Order(StringComparer.Ordinal)
            .SelectMany(file => File.ReadLines(file));

    private static string Hex(string text) => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(text));

    private string Describe(int number, long offset)
    {
        var line = _lines[number];
        var key = number % 4 == 0 ? "~" : Hex($"key-{number % 1000}");
        var value = (number % 1000) switch
        {
            7 => "~",
            8 => "",
            _ => Hex(line),
        };
        var headers = number % 100 == 0 ? $"line={Hex($"{number}")};text={Hex(line)};empty=" : "";
        var timestamp = FirstTimestamp + (10L * number);
        return $"{PartitionOf(number)}\t{offset}\t{timestamp}\t{key}\t{value}\t{headers}";
    }
}
