using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Orleans.Kafka.Bench;

/// <summary>The figures of one run of the load driver, by the driver's own names.</summary>
internal sealed class Figures(IReadOnlyDictionary<string, double> values)
{
    public double this[string name] => values.TryGetValue(name, out var value) ? value : double.NaN;

    /// <summary>Per figure the median of several runs.</summary>
    public static Figures Median(IReadOnlyList<Figures> runs) => new(
        runs[0].Names.ToDictionary(name => name, name => Middle([.. runs.Select(run => run[name])])));

    private IEnumerable<string> Names => values.Keys;

    private static double Middle(double[] sorted)
    {
        Array.Sort(sorted);
        var half = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}

/// <summary>Runs kload on core 0 against one server.</summary>
internal sealed class Driver(NativeTools tools, ServerProcess server)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static int _topics;

    public ServerProcess Server { get; } = server;

    /// <summary>
    /// Makes a topic, runs <paramref name="measure"/> on it and deletes it. Its files go at once: gigabytes that wait
    /// for their deletion would be written back in the middle of later rows.
    /// </summary>
    public T WithTopic<T>(int partitions, Func<string, T> measure) => WithTopic(partitions, "", measure);

    /// <summary>As the other one, with topic settings: <c>name=value,name=value</c>.</summary>
    public T WithTopic<T>(int partitions, string configs, Func<string, T> measure)
    {
        var topic = CreateTopic(partitions, configs);
        try
        {
            return measure(topic);
        }
        finally
        {
            DeleteTopic(topic);
        }
    }

    public string CreateTopic(int partitions, string configs = "")
    {
        var topic = $"bench-{Environment.ProcessId}-{Interlocked.Increment(ref _topics)}";
        Run("create", ("topic", topic), ("partitions", partitions),
            ("configs", $"file.delete.delay.ms=0,{configs}"));
        return topic;
    }

    public void DeleteTopic(string topic) => Run("delete", ("topic", topic));

    /// <summary>One mode of kload; the options are its own (see native/kload.c).</summary>
    public Figures Run(string mode, params (string Name, object Value)[] options)
    {
        using var process = Start(mode, options);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new BenchException($"kload {mode} took more than {Limit.TotalSeconds} s");
        }

        process.WaitForExit();
        return process.ExitCode == 0 ? Parse(output.Result) : throw new BenchException(errors.Result.Trim());
    }

    /// <summary>Starts a mode that talks back before it ends.</summary>
    public static Process Start(NativeTools tools, int port, string host, int processId, string mode,
        params (string Name, object Value)[] options)
    {
        List<string> words = Machine.CanPin ? ["taskset", "-c", "0"] : [];
        words.AddRange([tools.Load, mode, "--host", host, "--port", $"{port}", "--pid", $"{processId}"]);
        foreach (var (name, value) in options)
        {
            words.Add($"--{name}");
            words.Add(Convert.ToString(value, CultureInfo.InvariantCulture)!);
        }

        var start = new ProcessStartInfo(words[0]) { RedirectStandardOutput = true, RedirectStandardError = true };
        words.Skip(1).ToList().ForEach(start.ArgumentList.Add);
        return Process.Start(start)!;
    }

    public static Figures Parse(string line)
    {
        using var document = JsonDocument.Parse(line);
        return new Figures(document.RootElement.EnumerateObject()
            .Where(property => property.Value.ValueKind == JsonValueKind.Number)
            .ToDictionary(property => property.Name, property => property.Value.GetDouble()));
    }

    private Process Start(string mode, (string Name, object Value)[] options) =>
        Start(tools, Server.Port, Server.Host, Server.ProcessId, mode, options);
}
