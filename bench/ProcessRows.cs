using System.Diagnostics;

namespace Orleans.Kafka.Bench;

/// <summary>The rows about a process as such: its start, and what it uses while nobody asks for anything.</summary>
internal static class ProcessRows
{
    private const double IdleSettleSeconds = 4;
    private const double IdleSeconds = 5;

    /// <summary>
    /// Cold start to the first accepted record, after which the same process is left alone and watched.
    /// </summary>
    public static void StartAndIdle(Session session, NativeTools tools, string[]? broker)
    {
        var data = session.Options.DataDirectory;
        string[] bare = [Environment.ProcessPath!, .. ManagedEntry(), "--bare-server", "{port}"];
        foreach (var pinned in (bool[])[true, false])
        {
            var runs = Math.Max(session.Options.Runs, 3);
            var floor = Median(runs, () => StartOnce(tools, data, pinned, bare));
            var ours = Try(() => Median(runs, () => StartOnce(tools, data, pinned, broker)), broker, out var failure);
            var orleans = BenchOptions.Flavour == "Orleans";
            session.Add(new Row("start", $"start to first accepted record, {(pinned ? "one core" : "all cores")}", "ms",
                ours, floor)
            {
                Goal = Goal.NoMoreThan(orleans ? 1_500 : 300),
                Kafka = pinned ? "4,900" : "",
                Failure = failure,
            });
        }

        Idle(session, tools, bare, broker);
    }

    /// <summary>Both processes are watched at the same time: neither of them does anything.</summary>
    private static void Idle(Session session, NativeTools tools, string[] bare, string[]? broker)
    {
        var data = session.Options.DataDirectory;
        using var floor = StartAndProduce(tools, data, pinned: true, bare, out _);
        ServerProcess? ours = null;
        Try(() => (ours = StartAndProduce(tools, data, pinned: true, broker!, out var time), time).time, broker,
            out var failure);
        using var ending = ours;
        Thread.Sleep(TimeSpan.FromSeconds(IdleSettleSeconds));
        var clock = Stopwatch.StartNew();
        var floorBefore = Processor(floor);
        var before = Processor(ours);
        Thread.Sleep(TimeSpan.FromSeconds(IdleSeconds));
        var percent = 100 / clock.Elapsed.TotalSeconds;
        session.Add(new Row("idle", "idle memory (resident)", "MB", Megabytes(ours), Megabytes(floor))
        {
            Goal = Goal.NoMoreThan(80),
            Kafka = "396",
            Failure = failure,
        });
        session.Add(new Row("idle", "idle processor", "% of a core", (Processor(ours) - before) * percent,
            (Processor(floor) - floorBefore) * percent)
        {
            Goal = Goal.NoMoreThan(0.3),
            Kafka = "3.7",
            Failure = failure,
        });
    }

    private static double Processor(ServerProcess? server) =>
        server is null ? double.NaN : ProcessUsage.ProcessorSeconds(server.ProcessId);

    private static double Megabytes(ServerProcess? server) =>
        server is null ? double.NaN : ProcessUsage.ResidentBytes(server.ProcessId) / 1e6;

    /// <summary>
    /// Milliseconds from before the process was started until its answer to the first produce was here.
    /// </summary>
    private static double StartOnce(NativeTools tools, string data, bool pinned, string[]? command)
    {
        using var started = StartAndProduce(tools, data, pinned, command!, out var milliseconds);
        return milliseconds;
    }

    private static ServerProcess StartAndProduce(NativeTools tools, string data, bool pinned, string[] command,
        out double milliseconds)
    {
        var before = Stopwatch.GetTimestamp();
        var server = ServerProcess.Start(data, pinned, command);
        using var driver = Driver.Start(tools, server.Port, server.Host, 0, "start",
            ("topic", "first"), ("seconds", 30));
        driver.StandardOutput.ReadLine();
        var line = driver.StandardOutput.ReadToEnd();
        driver.WaitForExit();
        if (driver.ExitCode != 0)
        {
            server.Dispose();
            throw new BenchException(driver.StandardError.ReadToEnd().Trim());
        }

        // Both clocks are the kernel's monotonic one.
        var begun = before / (double)Stopwatch.Frequency;
        milliseconds = (Driver.Parse(line)["produced"] - begun) * 1e3;
        return server;
    }

    private static double Median(int runs, Func<double> once)
    {
        var sorted = Enumerable.Range(0, runs).Select(_ => once()).Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static double Try(Func<double> measure, string[]? broker, out string? failure)
    {
        failure = null;
        if (broker is null)
        {
            return double.NaN;
        }

        try
        {
            return measure();
        }
        catch (BenchException exception)
        {
            failure = exception.Message;
            return double.NaN;
        }
    }

    /// <summary>The managed entry point, when this process is the dotnet host itself.</summary>
    private static string[] ManagedEntry() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [typeof(ProcessRows).Assembly.Location]
            : [];
}
