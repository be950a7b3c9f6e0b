using System.Text;
using Orleans.Kafka.Protocol;
using Orleans.Kafka.Wire.Tests.Replay;

namespace Orleans.Kafka.Wire.Tests;

/// <summary>The parts of docs/supported-apis.md that follow from the broker and from the reviewed differences.</summary>
internal static class SupportedApisDocument
{
    /// <summary>Set to anything to have the document written instead of compared.</summary>
    public const string WriteVariable = "ORLEANS_KAFKA_WRITE_DOCS";

    private const string Name = "supported-apis.md";

    /// <summary>Where the document is, found by walking up from the test.</summary>
    public static string Path
    {
        get
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            {
                var candidate = System.IO.Path.Combine(folder.FullName, "docs", Name);
                if (File.Exists(candidate))
                {
                    return candidate;
                }
            }

            throw new FileNotFoundException($"There is no docs/{Name} above {AppContext.BaseDirectory}.");
        }
    }

    /// <summary>The document with its generated parts made anew.</summary>
    public static string Render(string document, IEnumerable<ServedApi> served, KnownDifferences known) =>
        Replace(Replace(document, "apis", RenderApis(served)), "differences", RenderDifferences(known));

    private static string RenderApis(IEnumerable<ServedApi> served)
    {
        var text = new StringBuilder("| API | key | versions | Kafka 4.3 |\n|---|---|---|---|\n");
        foreach (var api in served.OrderBy(api => api.Key))
        {
            text.Append($"| {api.Key} | {(short)api.Key} | {api.MinVersion}-{api.MaxVersion} ");
            text.Append($"| {ApiCatalog.AdvertisedMinVersion(api.Key)}-{ApiCatalog.MaxVersion(api.Key)} |\n");
        }

        return text.ToString();
    }

    private static string RenderDifferences(KnownDifferences known)
    {
        var text = new StringBuilder("| API | Kafka 4.3.1 | here | why |\n|---|---|---|---|\n");
        foreach (var entry in known.All)
        {
            text.Append($"| {entry.Api} | {entry.Kafka} | {entry.Ours} | {entry.Reason} |\n");
        }

        return text.ToString();
    }

    private static string Replace(string document, string part, string content)
    {
        var begin = $"<!-- {part} -->\n";
        var end = $"<!-- end of {part} -->";
        var from = document.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        var to = document.IndexOf(end, StringComparison.Ordinal);
        return document[..from] + content + document[to..];
    }
}
