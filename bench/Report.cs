using System.Text;
using System.Text.Json;

namespace Orleans.Kafka.Bench;

/// <summary>The table, for eyes and for programs.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string Line(Row row) => string.Create(null, stackalloc char[512],
        $"{row.Name,-54} {row.Unit,-20} {Cell(row),12} {Format.Number(row.Floor),12}  "
        + $"{Share(row),-8} {row.Goal?.ToString() ?? "",-16} {Verdict(row),-5} {row.Kafka}");

    public static string Heading() =>
        $"{"row",-54} {"unit",-20} {"broker",12} {"floor",12}  {"x floor",-8} {"goal",-16} {"met",-5} Kafka";

    /// <summary>Writes results.json and results.md and gives their folder.</summary>
    public static string Write(IReadOnlyList<Row> rows, BenchOptions options, string target)
    {
        var folder = Path.Combine(BenchOptions.Root, "artifacts", "bench");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "results.md"), Markdown(rows, options, target));
        File.WriteAllText(Path.Combine(folder, "results.json"), Json(rows, options, target));
        return folder;
    }

    private static string Markdown(IReadOnlyList<Row> rows, BenchOptions options, string target)
    {
        var text = new StringBuilder();
        text.AppendLine($"# {target}").AppendLine();
        text.AppendLine($"{Machine.Describe()}; medians of {options.Runs} runs of {options.Seconds} s.").AppendLine();
        text.AppendLine("| row | unit | broker | floor | x floor | goal | met | Kafka 4.3.1, reference machine |");
        text.AppendLine("|---|---|---:|---:|---:|---|---|---|");
        foreach (var row in rows)
        {
            text.AppendLine($"| {row.Name} | {row.Unit} | {Cell(row)} | {Format.Number(row.Floor)} | {Share(row)} "
                + $"| {row.Goal} | {Verdict(row)} | {row.Kafka} |");
        }

        foreach (var (name, failure) in rows.Select(row => (row.Name, row.Failure)).Distinct())
        {
            if (failure is not null)
            {
                text.AppendLine().AppendLine($"Failed: {name}: {failure}");
            }
        }

        return text.ToString();
    }

    private static string Json(IReadOnlyList<Row> rows, BenchOptions options, string target) =>
        JsonSerializer.Serialize(
            new
            {
                target,
                machine = Machine.Describe(),
                time = DateTimeOffset.UtcNow,
                runs = options.Runs,
                seconds = options.Seconds,
                rows = rows.Select(row => new
                {
                    group = row.Group,
                    name = row.Name,
                    unit = row.Unit,
                    broker = Finite(row.Broker),
                    floor = Finite(row.Floor),
                    floorRatio = Finite(row.Broker / row.Floor),
                    goal = row.Goal?.ToString(),
                    met = row.Goal?.Met(row.Broker, row.Floor),
                    failure = row.Failure,
                }),
            },
            Indented);

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static string Cell(Row row) => row.Failure is null ? Format.Number(row.Broker) : "failed";

    private static string Share(Row row) =>
        double.IsFinite(row.Broker / row.Floor) ? Format.Number(row.Broker / row.Floor) : "-";

    private static string Verdict(Row row) => row.Goal?.Met(row.Broker, row.Floor) switch
    {
        true => "yes",
        false => "NO",
        null => "",
    };
}
