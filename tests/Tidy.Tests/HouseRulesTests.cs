using System.Text.RegularExpressions;

namespace Orleans.Kafka.Tidy.Tests;

/// <summary>The rules of the house that a compiler does not know.</summary>
public sealed partial class HouseRulesTests
{
    /// <summary>Each project may reference those before it, and nothing behind it.</summary>
    private static readonly string[] Layers = ["Protocol", "Storage", "Grains", "Gateway", "Hosting", "Silo"];

    [Fact]
    public void Projects_ReferenceOnlyThoseBelowThem()
    {
        for (int layer = 0; layer < Layers.Length; layer++)
        {
            string name = Layers[layer];
            string project = Repository.Read($"src/{name}/{name}.csproj");
            IEnumerable<string> referenced = ProjectReference().Matches(project).Select(match => match.Groups[1].Value);

            Assert.All(referenced.Where(Layers.Contains), below => Assert.True(
                Array.IndexOf(Layers, below) < layer, $"src/{name} references src/{below}"));
        }
    }

    [Theory]
    [InlineData("Protocol")]
    [InlineData("Storage")]
    public void Projects_OfBytesAndDisk_KnowNeitherOrleansNorSockets(string name)
    {
        Assert.DoesNotContain("Orleans.Runtime.props", Repository.Read($"src/{name}/{name}.csproj"));
        Assert.All(Repository.Sources($"src/{name}"), source =>
            Assert.False(SocketUse().IsMatch(source.Text), $"{source.Path} uses sockets"));
    }

    [Theory]
    [InlineData("Storage")]
    [InlineData("Grains")]
    public void TimeChanceAndThreads_AreInjected(string name) =>
        Assert.All(Repository.Sources($"src/{name}"), source =>
        {
            Match match = Ambient().Match(source.Text);
            Assert.False(match.Success, $"{source.Path} uses {match.Value}: take a TimeProvider or a Random");
        });

    [Fact]
    public void TheDisk_HasOneDoor() =>
        Assert.All(
            Repository.Sources("src/Storage").Concat(Repository.Sources("src/Grains"))
                .Where(source => !Path.GetFileName(source.Path).StartsWith("PhysicalFile", StringComparison.Ordinal)),
            source =>
            {
                Match match = DirectDiskUse().Match(source.Text);
                Assert.False(match.Success, $"{source.Path} uses {match.Value}: go through IFileSystem");
            });

    [Fact]
    public void Grains_KeepTheirContext() =>
        Assert.All(Repository.Sources("src/Grains"), source =>
            Assert.DoesNotContain("ConfigureAwait(false)", source.Text));

    [Theory]
    [InlineData("src")]
    [InlineData("lib")]
    public void Types_AreNamedForWhatTheyDo(string folder) =>
        Assert.All(Repository.Sources(folder), source =>
        {
            Match match = EmptyName().Match(source.Text);
            Assert.False(match.Success, $"{source.Path}: {match.Value}");
        });

    [Fact]
    public void Readme_PointsOnlyToWhatIsThere()
    {
        string readme = Repository.Read("README.md");

        Assert.All(Link().Matches(readme).Select(match => match.Groups[1].Value), path => Assert.True(
            Path.Exists(Path.Combine(Repository.Root, path)), $"README.md points to {path}"));
    }

    [GeneratedRegex(@"ProjectReference Include=""[^""]*?(\w+)\.csproj""")]
    private static partial Regex ProjectReference();

    [GeneratedRegex(@"\bSystem\.Net\b|\bSocket\b\.|new Socket\(")]
    private static partial Regex SocketUse();

    [GeneratedRegex(@"\bDateTime(Offset)?\.(Utc)?Now\b|\bGuid\.NewGuid\b|\bRandom\.Shared\b|\bThread\.Sleep\b|"
        + @"\bTask\.(Run|Delay)\(|\bStopwatch\b|\bEnvironment\.TickCount")]
    private static partial Regex Ambient();

    [GeneratedRegex(@"(?<![\w.])(?:System\.IO\.)?(?:"
        + @"File\.(?:Exists|Open\w*|ReadAll\w*|ReadLines|WriteAll\w*|Append\w*|Delete|Create\w*|Move|Copy)"
        + @"|Directory\.(?:Exists|Delete|CreateDirectory|Move|Enumerate\w*))\("
        + @"|new (?:FileStream|FileInfo|DirectoryInfo)\(")]
    private static partial Regex DirectDiskUse();

    [GeneratedRegex(@"\b(?:class|struct|record|interface|enum) \w*"
        + @"(?:Helpers?|Utils?|Utility|Utilities|Common|Misc|Manager|Impl)\b")]
    private static partial Regex EmptyName();

    [GeneratedRegex(@"\]\((?!https?:)([^)#]+)")]
    private static partial Regex Link();
}
