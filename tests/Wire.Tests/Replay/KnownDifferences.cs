using System.Text.Json;

namespace Orleans.Kafka.Wire.Tests.Replay;

/// <summary>The reviewed differences from Kafka, from <c>Data/known-differences.json</c>.</summary>
internal sealed class KnownDifferences
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNameCaseInsensitive = true };

    private KnownDifferences(List<KnownDifference> all) => All = all;

    public IReadOnlyList<KnownDifference> All { get; }

    public static KnownDifferences Load()
    {
        using var stream = typeof(KnownDifferences).Assembly.GetManifestResourceStream("known-differences.json")!;
        return new KnownDifferences(JsonSerializer.Deserialize<List<KnownDifference>>(stream, Options)!);
    }

    /// <summary>The entry that a difference falls under; null when it is unknown.</summary>
    public KnownDifference? Find(int seq, string pointer) => All.FirstOrDefault(entry => entry.Covers(seq, pointer));
}

/// <summary>One reviewed difference and where it shows.</summary>
/// <param name="Api">The API, as the document groups them.</param>
/// <param name="Kafka">What Kafka does.</param>
/// <param name="Ours">What this broker does.</param>
/// <param name="Reason">Why.</param>
/// <param name="Where">The places, all of which must differ.</param>
internal sealed record KnownDifference(
    string Api, string Kafka, string Ours, string Reason, IReadOnlyList<KnownPlace> Where)
{
    public bool Covers(int seq, string pointer) => Where.Any(place => place.Covers(seq, pointer));
}

/// <summary>Exchanges and a place in their answers.</summary>
/// <param name="Seq">Numbers of exchanges, and ranges, with commas between them: <c>1-3,7</c>.</param>
/// <param name="Pointer">Where in the answer, with all that is below; <c>*</c> stands for any one segment.</param>
internal sealed record KnownPlace(string Seq, string Pointer)
{
    private readonly HashSet<int> _numbers = [.. Numbers(Seq)];

    public IReadOnlyCollection<int> Exchanges => _numbers;

    public bool Covers(int seq, string pointer) => _numbers.Contains(seq) && Matches(pointer);

    private static IEnumerable<int> Numbers(string text)
    {
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = part.Split('-');
            for (var number = int.Parse(ends[0], null); number <= int.Parse(ends[^1], null); number++)
            {
                yield return number;
            }
        }
    }

    private bool Matches(string pointer)
    {
        var pattern = Pointer.Split('/');
        var segments = pointer.Split('/');
        return pattern.Length <= segments.Length
            && pattern.Zip(segments).All(pair => pair.First == "*" || pair.First == pair.Second);
    }
}
