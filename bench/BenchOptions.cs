using System.Globalization;
using System.Reflection;

namespace Orleans.Kafka.Bench;

/// <summary>What a run measures and against what; see README.md for the command line.</summary>
internal sealed record BenchOptions
{
    /// <summary>Length of one measurement; each is preceded by a warm-up of a fifth of it.</summary>
    public double Seconds { get; init; } = 0.7;

    /// <summary>Measurements per row and side, of which the median counts.</summary>
    public int Runs { get; init; } = 3;

    /// <summary>Length of one latency measurement: its p99.9 needs thousands of samples.</summary>
    public double LatencySeconds { get; init; } = 3;

    /// <summary>Groups of rows to run; all when empty.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Measures the floors alone.</summary>
    public bool FloorsOnly { get; init; }

    /// <summary>Takes the broker's Release build as it is.</summary>
    public bool NoBuild { get; init; }

    /// <summary>A Kafka broker that runs already (an IPv4 address), instead of our own.</summary>
    public (string Host, int Port, int ProcessId)? External { get; init; }

    /// <summary>Where broker and floors keep their data during the run; on a real disk.</summary>
    public string DataDirectory { get; init; } = Path.Combine(Root, "artifacts", "bench", "data");

    /// <summary>Further arguments of the broker, for example <c>--Kafka:num.partitions=8</c>.</summary>
    public IReadOnlyList<string> BrokerArguments { get; init; } = [];

    public int Polls { get; init; } = 10_000;

    public static string Root { get; } = Path.GetFullPath(Metadata("RepositoryRoot"));

    public static string Flavour { get; } = Metadata("OrleansKafkaRuntime");

    public bool Wants(string group) => Groups.Count == 0 || Groups.Contains(group);

    public bool WantsOnly(string group) => Groups.Count == 1 && Groups[0] == group;

    public static BenchOptions Parse(string[] arguments)
    {
        var options = new BenchOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            string Next() => ++i < arguments.Length
                ? arguments[i]
                : throw new BenchException($"{arguments[i - 1]} needs a value");
            options = arguments[i] switch
            {
                "--seconds" => options with { Seconds = Number(Next()) },
                "--latency-seconds" => options with { LatencySeconds = Number(Next()) },
                "--runs" => options with { Runs = (int)Number(Next()) },
                "--polls" => options with { Polls = (int)Number(Next()) },
                "--rows" => options with { Groups = Next().Split(',') },
                "--quick" => options with { Seconds = 0.4, Runs = 1, LatencySeconds = 2 },
                "--floors-only" => options with { FloorsOnly = true },
                "--no-build" => options with { NoBuild = true },
                "--data" => options with { DataDirectory = Path.GetFullPath(Next()) },
                "--broker" => options with { External = Address(Next()) },
                "--broker-arg" => options with { BrokerArguments = [.. options.BrokerArguments, Next()] },
                _ => throw new BenchException($"unknown argument {arguments[i]}; see bench/README.md"),
            };
        }

        return options;
    }

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0
            ? value
            : throw new BenchException($"{text} is not a positive number");

    /// <summary>host:port:pid; the process id may be missing, then nothing is said about the processor.</summary>
    private static (string, int, int) Address(string text)
    {
        var parts = text.Split(':');
        return parts.Length is 2 or 3
            ? (parts[0], (int)Number(parts[1]), parts.Length == 3 ? (int)Number(parts[2]) : 0)
            : throw new BenchException("--broker takes HOST:PORT or HOST:PORT:PID");
    }

    private static string Metadata(string key) =>
        typeof(BenchOptions).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .First(attribute => attribute.Key == key).Value!;
}

/// <summary>Ends a row or the run with one line of explanation.</summary>
internal sealed class BenchException(string message) : Exception(message);
