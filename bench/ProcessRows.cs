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

        var idleFloor = Idle(tools, data, bare);
        (double Bytes, double Share) idle = (double.NaN, double.NaN);
        Try(() => (idle = Idle(tools, data, broker!)).Bytes, broker, out var idleFailure);
        session.Add(new Row("idle", "idle memory (resident)", "MB", idle.Bytes / 1e6, idleFloor.Bytes / 1e6)
        {
            Goal = Goal.NoMoreThan(80),
            Kafka = "396",
            Failure = idleFailure,
        });
        session.Add(new Row("idle", "idle processor", "% of a core", idle.Share * 100, idleFloor.Share * 100)
        {
            Goal = Goal.NoMoreThan(0.3),
            Kafka = "3.7",
            Failure = idleFailure,
        });
    }

    /// <summary>
    /// Milliseconds from before the process was started until its answer to the first produce was here.
    /// </summary>
    private static double StartOnce(NativeTools tools, string data, bool pinned, string[]? command)
    {
        using var started = StartAndProduce(tools, data, pinned, command!, out var milliseconds);
        return milliseconds;
    }

    private static (double Bytes, double Share) Idle(NativeTools tools, string data, string[] command)
    {
        using var server = StartAndProduce(tools, data, pinned: true, command, out _);
        Thread.Sleep(TimeSpan.FromSeconds(IdleSettleSeconds));
        var clock = Stopwatch.StartNew();
        var before = ProcessUsage.ProcessorSeconds(server.ProcessId);
        Thread.Sleep(TimeSpan.FromSeconds(IdleSeconds));
        var used = ProcessUsage.ProcessorSeconds(server.ProcessId) - before;
        return (ProcessUsage.ResidentBytes(server.ProcessId), used / clock.Elapsed.TotalSeconds);
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
